import type { UserId } from '#shared/ids.ts'
import { moment } from '../web/form-parts.ts'
import { html } from '../web/html.ts'
import { formTarget, type Page } from '../web/page.ts'
import { redirectTarget } from './redirect-target.ts'

export interface MailboxQuestion {
  readonly action: string
  readonly formToken: string
  readonly client: { readonly name: string | undefined }
  /** Where the client gets its code. */
  readonly redirectUri: string
  /** That of who signed in comes first, and is chosen. */
  readonly mailboxes: readonly {
    readonly userId: UserId
    readonly email: string
    /** Until when its owner lends it, in ms since the epoch. */
    readonly until?: number | undefined
  }[]
}

/** Asks somebody who has several mailboxes which of them the application may use. */
export function mailboxPage({
  action,
  formToken,
  client,
  redirectUri,
  mailboxes
}: MailboxQuestion): Page {
  const name = client.name?.trim() || 'An application without a name'
  const target = formTarget(redirectUri)
  return {
    title: `Which mailboxes may ${name} use?`,
    formTargets: target ? [target] : [],
    body: html`
<p>The access goes to <strong>${redirectTarget(redirectUri)}</strong>, at the level that you have just chosen, and no higher than a mailbox allows.</p>
<form method="post" action="${action}">
<input type="hidden" name="token" value="${formToken}">
<fieldset><legend>Your mailboxes</legend>
${mailboxes.map(
  ({ userId, email, until }, at) =>
    html`<label><input type="checkbox" name="mailbox" value="${userId}"${at === 0 ? html` checked` : undefined}> <span>${email}${until === undefined ? undefined : html`<small>Lent to you until ${moment(until)}</small>`}</span></label>
`
)}</fieldset>
<p class="soft">With more than one, each call can say which it is about, and each answer says whose mail it is; the first that is ticked is used by calls that say nothing.</p>
<p class="actions"><button class="main" name="decision" value="allow">Allow</button>
<button name="decision" value="deny">Cancel</button></p>
</form>`
  }
}
