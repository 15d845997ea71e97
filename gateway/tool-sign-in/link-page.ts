import type { AccessLevel } from '#shared/access-levels.ts'
import { levelChoice } from '../web/access-level-choice.ts'
import { html } from '../web/html.ts'
import type { Page } from '../web/page.ts'

export interface ToolLinkQuestion {
  readonly action: string
  readonly formToken: string
  /** What the client calls itself. */
  readonly clientName: string
  readonly asked: AccessLevel
  readonly googleOrigin: string
}

/** Asks whoever opens the link of a sign-in tool, before Google is asked anything. */
export const toolLinkPage = (question: ToolLinkQuestion): Page => ({
  title: `${nameOf(question)} wants to use your Gmail`,
  formTargets: [question.googleOrigin],
  body: html`
<p class="warning" role="note">Continue only if you have just asked your own assistant for this link. If somebody sent it to you, close this page: it would give them your mail.</p>
<p>After Google you get a short code. Your assistant has access only once you give it that code.</p>
<form method="post" action="${question.action}">
<input type="hidden" name="token" value="${question.formToken}">
${levelChoice(question.asked)}
<dl>
<dt>Application</dt><dd>${nameOf(question)}</dd>
<dt>Identity</dt><dd>Not verified: any program can take this name.</dd>
</dl>
<p class="actions"><button class="main" name="decision" value="allow">Continue with Google</button>
<button name="decision" value="deny">Cancel</button></p>
</form>`
})

const nameOf = ({ clientName }: ToolLinkQuestion): string =>
  clientName.trim() || 'An application without a name'

/** The only place where the code is ever shown. */
export const userCodePage = (code: string, email: string): Page => ({
  title: 'One more step: your code',
  body: html`<p>You are ${email}. Nothing is connected yet. Give this code to your assistant, in the conversation in which you asked for the link:</p>
<p><strong><code>${code}</code></strong></p>
<p class="soft">It works once, within ten minutes.</p>
<p class="warning" role="note">Did somebody else send you the link, or ask you for this code? Then close this page and tell them nothing: without the code they get nothing.</p>`
})
