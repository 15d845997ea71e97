import { ACCESS_LEVELS } from '#shared/access-levels.ts'
import type { LinkedAccount } from '../../accounts/mailbox-links.ts'
import { form, levelField, moment } from './account-parts.ts'
import { type Html, html } from './html.ts'
import { LEVEL_NAME } from './level-words.ts'

export interface MailboxListView {
  readonly formToken: string
  /** What the person may use beside their own mailbox. */
  readonly mailboxes: readonly LinkedAccount[]
  /** Who may use this mailbox beside its owner. */
  readonly users: readonly LinkedAccount[]
}

/** The part of the account page about several mailboxes of one person. */
export const mailboxList = ({ formToken, mailboxes, users }: MailboxListView): Html => {
  const entry = (
    { userId, email, state, level, since }: LinkedAccount,
    action: 'remove' | 'withdraw',
    word: string
  ): Html => html`<li><div><h3>${email}</h3>
<p><span class="tag">${LEVEL_NAME[level]}</span></p>
<p class="soft">Added ${moment(since)}.${state === 'needs_reauth' ? ' Google no longer accepts its access: add it again.' : ''}</p></div>
${form(
  formToken,
  `mailboxes/${action}`,
  html`<input type="hidden" name="account" value="${userId}"><button aria-label="${word} ${email}">${word}</button>`
)}</li>
`
  return html`<h2>Your other mailboxes</h2>
<p class="soft">When an application asks for access, you choose which mailboxes it uses. Each has a sign-in and a process of its own. To remove one ends the connections that use it.</p>
${mailboxes.length === 0 ? undefined : html`<ul class="items">${mailboxes.map((one) => entry(one, 'remove', 'Remove'))}</ul>`}
${form(formToken, 'mailboxes/add', html`${levelField(ACCESS_LEVELS, 'gmail.modify')}<button>Add a mailbox at Google</button>`)}
${
  users.length === 0
    ? undefined
    : html`<h3>This mailbox can be used by</h3><ul class="items">${users.map((one) => entry(one, 'withdraw', 'Withdraw'))}</ul>`
}`
}
