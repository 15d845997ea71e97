import { ACCESS_LEVELS, type AccessLevel, covers } from '#shared/access-levels.ts'
import type { LinkedAccount } from '../accounts/mailbox-links.ts'
import { LEVEL_NAME } from '../web/access-level-labels.ts'
import { form, levelField, moment } from '../web/form-parts.ts'
import { type Html, html } from '../web/html.ts'

/** How long a mailbox can be lent: days, and in words. The first is the default. */
export const LOAN_DAYS: readonly (readonly [number, string])[] = [
  [7, 'one week'],
  [1, 'one day'],
  [30, '30 days'],
  [90, '90 days']
]

export interface MailboxListView {
  /** What Google granted for the person's own mailbox; undefined when it is not connected. */
  readonly granted: AccessLevel | undefined
  readonly formToken: string
  /** What the person may use beside their own mailbox. */
  readonly mailboxes: readonly LinkedAccount[]
  /** Who may use this mailbox beside its owner. */
  readonly users: readonly LinkedAccount[]
}

/** The part of the account page about several mailboxes of one person. */
export const mailboxList = ({ formToken, mailboxes, users, granted }: MailboxListView): Html => {
  const entry = (
    { userId, email, state, level, since, until }: LinkedAccount,
    action: 'remove' | 'withdraw',
    word: string
  ): Html => html`<li><div><h3>${email}</h3>
<p><span class="tag">${LEVEL_NAME[level]}</span></p>
<p class="soft">${until === undefined ? `Added ${moment(since)}.` : `Lent until ${moment(until)}.`}${state === 'needs_reauth' ? ' Google no longer accepts its access: connect it again.' : ''}</p></div>
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
}
${granted && lender(formToken, granted)}`
}

const lender = (formToken: string, granted: AccessLevel): Html => html`<h3>Lend this mailbox</h3>
<p class="soft">Somebody else who has signed in here can let their applications use it, until a date. What is risky is still asked of you.</p>
${form(
  formToken,
  'mailboxes/lend',
  html`<label class="field"><span>Their address</span><input name="address" type="email" required maxlength="320" autocomplete="off"></label>
${levelField(
  ACCESS_LEVELS.filter((level) => covers(granted, level)),
  'gmail.read'
)}
<label class="field"><span>For</span><select name="days">${LOAN_DAYS.map(([days, words]) => html`<option value="${days}">${words}</option>`)}</select></label>
<button>Lend</button>`
)}`
