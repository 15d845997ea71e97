/** What several parts of the account page are made of. */
import type { AccessLevel } from '#shared/access-levels.ts'
import { LEVEL_IN_WORDS } from './access-level-labels.ts'
import { type Html, html } from './html.ts'

export const levelField = (levels: readonly AccessLevel[], chosen: AccessLevel): Html =>
  html`<label class="field"><span>Access</span><select name="level">${levels.map(
    (level) =>
      html`<option value="${level}"${level === chosen ? html` selected` : undefined}>${LEVEL_IN_WORDS[level]}</option>`
  )}</select></label>`

/** A form that only its own page can send. */
export const form = (formToken: string, action: string, content: Html): Html =>
  html`<form method="post" action="/account/${action}"><input type="hidden" name="token" value="${formToken}">${content}</form>`

/** A moment as a person reads it, to the minute, in UTC: the page knows no time zone of theirs. */
export const moment = (at: number): string =>
  `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`
