import { type Html, html } from './html.ts'
import type { Page } from './page.ts'

export interface Notice {
  readonly title: string
  /** What happened and what the person can do, a paragraph each. */
  readonly text: readonly string[]
  /** What can be done in one application or another. */
  readonly list?: readonly { readonly term: string; readonly code: string }[] | undefined
  /** For the makers of the application. */
  readonly detail?: string | undefined
  readonly tryAgain?: string | undefined
  /** Ends the sign-in for the client that asked for it. */
  readonly giveUp?:
    | {
        readonly action: string
        readonly formToken: string
        readonly formTargets: readonly string[]
      }
    | undefined
}

/** Says in plain words why a sign-in did not work, and what comes next. */
export const noticePage = ({ title, text, list = [], detail, tryAgain, giveUp }: Notice): Page => ({
  title,
  formTargets: giveUp?.formTargets ?? [],
  body: html`${text.map((paragraph) => html`<p>${paragraph}</p>`)}
${list.length === 0 ? undefined : html`<dl>${list.map(({ term, code }) => html`<dt>${term}</dt><dd><code>${code}</code></dd>`)}</dl>`}
${detail === undefined ? undefined : html`<p><code>${detail}</code></p>`}
${actions(tryAgain, giveUp)}`
})

function actions(tryAgain: string | undefined, giveUp: Notice['giveUp']): Html {
  if (tryAgain === undefined && !giveUp) return html``
  const link = tryAgain ? html`<a class="button" href="${tryAgain}">Try again</a>` : html``
  const form = giveUp
    ? html`<form method="post" action="${giveUp.action}"><input type="hidden" name="token" value="${giveUp.formToken}"><button name="decision" value="deny">Back to the application</button></form>`
    : html``
  return html`<div class="actions">${link}${form}</div>`
}
