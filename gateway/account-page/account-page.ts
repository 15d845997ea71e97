import { ACCESS_LEVELS, type AccessLevel, covers } from '#shared/access-levels.ts'
import type { OperatorPolicy, PersonPolicy } from '#shared/tool-policy.ts'
import type { Account } from '../accounts/accounts.ts'
import type { PersonalToken } from '../accounts/personal-tokens.ts'
import type { ConnectedClient } from '../oauth/connected-clients.ts'
import { type AccountSessionView, TOOL_CLIENT } from '../sessions/owned-sessions.ts'
import type { WaitingAct } from '../sign-in/confirmations.ts'
import { LEVEL_IN_WORDS, LEVEL_NAME } from '../web/access-level-labels.ts'
import { form, levelField, moment } from '../web/form-parts.ts'
import { type Html, html } from '../web/html.ts'
import { copyable, type Page } from '../web/page.ts'
import type { ServiceIdentity } from '../web/service-identity.ts'
import { actToDecide } from './confirm-page.ts'
import { type MailboxListView, mailboxList } from './mailbox-list.ts'
import { toolChoice } from './tool-choice-form.ts'

export interface AccountView extends MailboxListView {
  readonly service: ServiceIdentity
  readonly email: string
  /** Undefined while the person has no account here. */
  readonly state: Account['state'] | undefined
  /** What Google granted; undefined when mail is not connected. */
  readonly granted: AccessLevel | undefined
  readonly clients: readonly ConnectedClient[]
  readonly sessions: readonly AccountSessionView[]
  readonly tokens: readonly PersonalToken[]
  readonly defaultLevel: AccessLevel
  /** What the operator lets tools do, and what the person chose. */
  readonly operator: OperatorPolicy
  readonly chosen: PersonPolicy
  /** What waits for the person's word. */
  readonly waiting: readonly WaitingAct[]
  readonly mcpUrl: string
  readonly googleOrigin: string
}

/** How long a personal token may live: hours, and in words. The first is the default. */
export const TOKEN_HOURS: readonly (readonly [number, string])[] = [
  [24, 'one day'],
  [1, 'one hour'],
  [24 * 7, 'one week'],
  [24 * 30, '30 days'],
  [24 * 90, '90 days']
]

const TITLE = 'Your Gmail connections'

export const signInPage = (
  view: Pick<AccountView, 'formToken' | 'googleOrigin' | 'service'>
): Page => ({
  title: TITLE,
  formTargets: [view.googleOrigin],
  body: html`<p>Sign in to see which applications use your Gmail through ${view.service.name}, and to end it.</p>
${form(view.formToken, 'sign-in', html`<button class="main">Sign in with Google</button>`)}
<footer><a href="/">How to connect an application</a></footer>`
})

export const accountPage = (view: AccountView): Page => ({
  title: TITLE,
  formTargets: [view.googleOrigin],
  hasCopies: true,
  body: html`<div class="who"><p>Signed in as <strong>${view.email}</strong> at ${view.service.name}.</p>
${form(view.formToken, 'sign-out', html`<button>Sign out</button>`)}</div>
${waitingList(view)}
${access(view)}
${view.state === undefined ? undefined : form(view.formToken, 'tools', toolChoice(view))}
${view.state === undefined ? undefined : mailboxList(view)}
${clientList(view)}
${sessionList(view)}
${tokenList(view)}
${view.state === undefined ? undefined : eraser(view)}
<footer><a href="/">How to connect an application</a></footer>`
})

const waitingList = ({ waiting, formToken }: AccountView): Html | undefined =>
  waiting.length === 0
    ? undefined
    : html`<h2>Your assistant asks you</h2>${waiting.map((act) => actToDecide(act, formToken))}`

function access(view: AccountView): Html {
  const { granted, defaultLevel } = view
  const broken =
    view.state === 'needs_reauth'
      ? html`<p class="warning" role="note">Google no longer accepts the access you gave. Connect your Gmail again.</p>`
      : undefined
  const present = granted
    ? html`<p>${LEVEL_IN_WORDS[granted]} An application gets no more than this, and less if you chose less for it.</p>`
    : html`<p>Your Gmail is not connected.</p>`
  return html`<h2>What Google lets ${view.service.name} do</h2>${broken}${present}
${form(
  view.formToken,
  'connect',
  html`${levelField(ACCESS_LEVELS, granted ?? defaultLevel)}<button>${granted ? 'Change at Google' : 'Connect Gmail'}</button>`
)}`
}

function clientList({ clients, formToken, mcpUrl }: AccountView): Html {
  const items = clients.map(
    ({ clientId, name, place, level, since, lastUsedAt }) =>
      html`<li><div><h3>${name}</h3>
<p><span class="tag">${level ? LEVEL_NAME[level] : 'Nothing'}</span></p>
<p class="soft">Access goes to ${place}. First let in ${moment(since)}, last used ${moment(lastUsedAt)}.</p></div>
${form(
  formToken,
  'clients/revoke',
  html`<input type="hidden" name="client" value="${clientId}"><button aria-label="Disconnect ${name}, ${place}">Disconnect</button>`
)}</li>
`
  )
  return html`<h2>Applications</h2>
${items.length === 0 ? html`<p class="soft">None is connected. Give this address to one:</p>${copyable(mcpUrl, 'the address')}` : html`<ul class="items">${items}</ul>`}`
}

function sessionList({ sessions, clients, formToken }: AccountView): Html {
  const ofWhat = (clientId: string): string => {
    if (clientId === TOOL_CLIENT) return 'A session signed in by a tool, without a token.'
    const client = clients.find((one) => one.clientId === clientId)
    return client ? `Of ${client.name}, ${client.place}.` : 'With a personal token.'
  }
  const items = sessions.map(
    ({ handle, clientId, clientName, createdAt, lastSeenAt }) =>
      html`<li><div><h3>${clientName}</h3>
<p class="soft">${ofWhat(clientId)} Begun ${moment(createdAt)}, last used ${moment(lastSeenAt)}.</p></div>
${form(
  formToken,
  'sessions/end',
  html`<input type="hidden" name="handle" value="${handle}"><button aria-label="End the session of ${clientName} begun ${moment(createdAt)}">End</button>`
)}</li>
`
  )
  return html`<h2>Open sessions</h2>
${items.length === 0 ? html`<p class="soft">None is open.</p>` : html`<p class="soft">Conversations that an application has open now. To end one does not disconnect the application.</p><ul class="items">${items}</ul>`}`
}

function tokenList(view: AccountView): Html {
  const { tokens, granted, formToken } = view
  const items = tokens.map(
    ({ id, name, level, createdAt, expiresAt, lastUsedAt }) =>
      html`<li><div><h3>${name}</h3>
<p><span class="tag">${LEVEL_NAME[level]}</span></p>
<p class="soft">Made ${moment(createdAt)}, good until ${moment(expiresAt)}, ${lastUsedAt === undefined ? 'never used' : `last used ${moment(lastUsedAt)}`}.</p></div>
${form(
  formToken,
  'tokens/revoke',
  html`<input type="hidden" name="id" value="${id}"><button aria-label="Revoke ${name}">Revoke</button>`
)}</li>
`
  )
  const [least] = ACCESS_LEVELS
  const maker = granted
    ? form(
        formToken,
        'tokens',
        html`<label class="field"><span>Name</span><input name="name" required maxlength="60" autocomplete="off"></label>
${levelField(
  ACCESS_LEVELS.filter((level) => covers(granted, level)),
  least
)}
<label class="field"><span>Valid for</span><select name="hours">${TOKEN_HOURS.map(([hours, words]) => html`<option value="${hours}">${words}</option>`)}</select></label>
<button>Create a token</button>`
      )
    : undefined
  return html`<h2>Personal tokens</h2>
<p class="soft">For applications that cannot sign in by themselves. A token that is good for more than a day asks you to sign in again.</p>
${items.length === 0 ? undefined : html`<ul class="items">${items}</ul>`}${maker}`
}

const eraser = ({ formToken }: AccountView): Html => html`<h2>Disconnect and erase</h2>
<p>Revokes the access at Google and erases your account, tokens and sessions here. Your mail stays as it is.</p>
${form(
  formToken,
  'erase',
  html`<p><label><input type="checkbox" name="confirm" value="yes" required> Yes, erase everything</label></p><button>Disconnect and erase</button>`
)}`
