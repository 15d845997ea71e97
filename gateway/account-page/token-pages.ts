import type { AccessLevel } from '#shared/access-levels.ts'
import type { PersonalToken } from '../accounts/personal-tokens.ts'
import { LEVEL_IN_WORDS } from '../web/access-level-labels.ts'
import { html } from '../web/html.ts'
import { copyable, type Page } from '../web/page.ts'
import { TOKEN_HOURS } from './account-page.ts'

export interface NewTokenView {
  readonly token: string
  readonly record: PersonalToken
  readonly mcpUrl: string
}

/** The only time that a personal token is shown. */
export const newTokenPage = ({ token, record, mcpUrl }: NewTokenView): Page => ({
  title: 'Your new token',
  hasCopies: true,
  body: html`<p>Copy it now: it is not stored here and cannot be shown again. Whoever has it can use your mail until ${new Date(record.expiresAt).toISOString().slice(0, 16).replace('T', ' ')} UTC.</p>
${copyable(token, 'the token')}
<p>Give it to your application as a bearer token for this address:</p>
${copyable(mcpUrl, 'the address')}
<p>It may: ${LEVEL_IN_WORDS[record.level]}</p>
<p><a class="button" href="/account">Back</a></p>`
})

export interface TokenWish {
  readonly name: string
  readonly level: AccessLevel
  readonly hours: number
}

/** What a person sees who has signed in again for a token that lives long. */
export const confirmTokenPage = (wish: TokenWish, formToken: string): Page => ({
  title: 'Create this token?',
  body: html`<p>Whoever has it can use your mail for as long as it is good.</p>
<dl><dt>Name</dt><dd>${wish.name}</dd><dt>Access</dt><dd>${LEVEL_IN_WORDS[wish.level]}</dd><dt>Valid for</dt><dd>${TOKEN_HOURS.find(([hours]) => hours === wish.hours)?.[1] ?? `${wish.hours} hours`}</dd></dl>
<form method="post" action="/account/tokens"><input type="hidden" name="token" value="${formToken}"><input type="hidden" name="name" value="${wish.name}"><input type="hidden" name="level" value="${wish.level}"><input type="hidden" name="hours" value="${wish.hours}">
<p class="actions"><button class="main">Create the token</button> <a class="button" href="/account">Cancel</a></p></form>`
})
