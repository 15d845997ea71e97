import { ACCESS_LEVELS, type AccessLevel, covers } from '#shared/access-levels.ts'
import type { Account } from '../../accounts/accounts.ts'
import type { PersonalToken } from '../../accounts/personal-tokens.ts'
import { type AccountSessionView, TOOL_CLIENT } from '../account-sessions.ts'
import type { ConnectedClient } from '../connected-clients.ts'
import { type Html, html } from './html.ts'
import { LEVEL_IN_WORDS, LEVEL_NAME } from './level-words.ts'
import type { Page } from './page.ts'

export interface AccountView {
  readonly email: string
  /** Undefined while the person has no account here. */
  readonly state: Account['state'] | undefined
  /** What Google granted; undefined when mail is not connected. */
  readonly granted: AccessLevel | undefined
  readonly clients: readonly ConnectedClient[]
  readonly sessions: readonly AccountSessionView[]
  readonly tokens: readonly PersonalToken[]
  readonly defaultLevel: AccessLevel
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly formToken: string
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

export const signInPage = (view: Pick<AccountView, 'formToken' | 'googleOrigin'>): Page => ({
  title: 'Your Gmail connections',
  formTargets: [view.googleOrigin],
  body: html`<p>Sign in to see which applications use your Gmail through this gateway, and to end it.</p>
${form(view.formToken, 'sign-in', html`<button class="main">Sign in with Google</button>`)}`
})

export const accountPage = (view: AccountView): Page => ({
  title: 'Your Gmail connections',
  formTargets: [view.googleOrigin],
  body: html`<p>Signed in as <strong>${view.email}</strong>.</p>
${form(view.formToken, 'sign-out', html`<button>Sign out</button>`)}
${access(view)}
${clientList(view)}
${sessionList(view)}
${tokenList(view)}
${view.state === undefined ? html`` : eraser(view)}`
})

export interface NewTokenView {
  readonly token: string
  readonly record: PersonalToken
  readonly mcpUrl: string
}

/** The only time that a personal token is shown. */
export const newTokenPage = ({ token, record, mcpUrl }: NewTokenView): Page => ({
  title: 'Your new token',
  body: html`<p>Copy it now: it is not stored here and cannot be shown again. Whoever has it can use your mail until ${moment(record.expiresAt)}.</p>
<p><code>${token}</code></p>
<p>Give it to your application as a bearer token for <code>${mcpUrl}</code>.</p>
<p><a class="button" href="/account">Back</a></p>`
})

function access(view: AccountView): Html {
  const { granted, defaultLevel } = view
  const broken =
    view.state === 'needs_reauth'
      ? html`<p class="warning" role="note">Google no longer accepts the access you gave. Connect your Gmail again.</p>`
      : html``
  const present = granted
    ? html`<p>This gateway may: ${LEVEL_IN_WORDS[granted]}</p>`
    : html`<p>Your Gmail is not connected.</p>`
  return html`<h2>Access to your mail</h2>${broken}${present}
${form(
  view.formToken,
  'connect',
  html`${levelChoice(ACCESS_LEVELS, granted ?? defaultLevel)} <button>${granted ? 'Change at Google' : 'Connect Gmail'}</button>`
)}`
}

function clientList({ clients, formToken }: AccountView): Html {
  if (clients.length === 0) return html`<h2>Applications</h2><p class="soft">None is connected.</p>`
  return html`<h2>Applications</h2>
<table><thead><tr><th scope="col">Application</th><th scope="col">Access</th><th scope="col">Since</th><td></td></tr></thead>
<tbody>${clients.map(
    ({ clientId, name, level, since }) =>
      html`<tr><td>${name}</td><td>${level ? LEVEL_NAME[level] : 'Nothing'}</td><td>${moment(since)}</td><td>${form(
        formToken,
        'clients/revoke',
        html`<input type="hidden" name="client" value="${clientId}"><button aria-label="Disconnect ${name}">Disconnect</button>`
      )}</td></tr>
`
  )}</tbody></table>`
}

function sessionList({ sessions, formToken }: AccountView): Html {
  if (sessions.length === 0) return html`<h2>Sessions</h2><p class="soft">None is open.</p>`
  return html`<h2>Sessions</h2>
<table><thead><tr><th scope="col">Application</th><th scope="col">Begun</th><th scope="col">Last used</th><td></td></tr></thead>
<tbody>${sessions.map(
    ({ handle, clientId, clientName, createdAt, lastSeenAt }) =>
      html`<tr><td>${clientName}${clientId === TOOL_CLIENT ? WITHOUT_TOKEN : undefined}</td><td>${moment(createdAt)}</td><td>${moment(lastSeenAt)}</td><td>${form(
        formToken,
        'sessions/end',
        html`<input type="hidden" name="handle" value="${handle}"><button aria-label="End the session of ${clientName}">End</button>`
      )}</td></tr>
`
  )}</tbody></table>`
}

/** Whoever has the id of such a session can use it, so its owner should know which they are. */
const WITHOUT_TOKEN = html` <span class="soft">signed in by a tool, without a token</span>`

function tokenList(view: AccountView): Html {
  const { tokens, granted, formToken } = view
  const maker = granted
    ? form(
        formToken,
        'tokens',
        html`<p><label>Name <input name="name" required maxlength="60" autocomplete="off"></label></p>
<p>${levelChoice(
          ACCESS_LEVELS.filter((level) => covers(granted, level)),
          granted
        )}</p>
<p><label>Valid for <select name="hours">${TOKEN_HOURS.map(([hours, words]) => html`<option value="${hours}">${words}</option>`)}</select></label></p>
<button>Create a token</button>`
      )
    : html``
  const rows = tokens.map(
    ({ id, name, level, expiresAt, lastUsedAt }) =>
      html`<tr><td>${name}</td><td>${LEVEL_NAME[level]}</td><td>${moment(expiresAt)}</td><td>${lastUsedAt === undefined ? 'never' : moment(lastUsedAt)}</td><td>${form(
        formToken,
        'tokens/revoke',
        html`<input type="hidden" name="id" value="${id}"><button aria-label="Revoke ${name}">Revoke</button>`
      )}</td></tr>
`
  )
  const table =
    rows.length === 0
      ? html``
      : html`<table><thead><tr><th scope="col">Name</th><th scope="col">Access</th><th scope="col">Until</th><th scope="col">Last used</th><td></td></tr></thead><tbody>${rows}</tbody></table>`
  return html`<h2>Personal tokens</h2>
<p class="soft">For applications that cannot sign in by themselves.</p>
${table}${maker}`
}

const eraser = ({ formToken }: AccountView): Html => html`<h2>Disconnect and erase</h2>
<p>Revokes the access at Google and erases your account, tokens and sessions here. Your mail stays as it is.</p>
${form(
  formToken,
  'erase',
  html`<p><label><input type="checkbox" name="confirm" value="yes" required> Yes, erase everything</label></p><button>Disconnect and erase</button>`
)}`

const levelChoice = (levels: readonly AccessLevel[], chosen: AccessLevel): Html =>
  html`<label>Access <select name="level">${levels.map(
    (level) =>
      html`<option value="${level}"${level === chosen ? html` selected` : undefined}>${LEVEL_IN_WORDS[level]}</option>`
  )}</select></label>`

const form = (formToken: string, action: string, content: Html): Html =>
  html`<form method="post" action="/account/${action}"><input type="hidden" name="token" value="${formToken}">${content}</form>`

/** A moment as a person reads it, to the minute, in UTC: the page knows no time zone of theirs. */
const moment = (at: number): string =>
  `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`
