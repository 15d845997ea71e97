import type { AccessLevel } from '#shared/access-levels.ts'
import { html } from './html.ts'
import { LEVEL_IN_WORDS } from './level-words.ts'
import { formTarget, type Page } from './page.ts'

export interface ConsentQuestion {
  readonly action: string
  readonly formToken: string
  readonly client: { readonly id: string; readonly name: string | undefined }
  /** Where the client gets its code. */
  readonly redirectUri: string
  /** The levels that may be chosen, least first; the last is what the client asked for. */
  readonly levels: readonly AccessLevel[]
  readonly chosen: AccessLevel
  readonly googleOrigin: string
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * Asks the person whether this client may use their mail, before Google is asked anything (MCP security
 * best practices, "confused deputy"). It says who asks, for what, and who will receive the access.
 */
export function consentPage(question: ConsentQuestion): Page {
  const { client, redirectUri, levels, chosen, googleOrigin } = question
  const name = client.name?.trim() || 'An application without a name'
  const target = formTarget(redirectUri)
  return {
    title: `${name} wants to use your Gmail`,
    formTargets: [googleOrigin, ...(target ? [target] : [])],
    body: html`
<p>You continue at Google only if you allow this. You can take it back at any time on <a href="/account">your account page</a>.</p>
<form method="post" action="${question.action}">
<input type="hidden" name="token" value="${question.formToken}">
<fieldset>
<legend>What it may do</legend>
${levels.map(
  (level) =>
    html`<label><input type="radio" name="level" value="${level}"${level === chosen ? html` checked` : undefined}> ${LEVEL_IN_WORDS[level]}</label>
`
)}</fieldset>
<dl>
<dt>Application</dt><dd>${name}</dd>
${identityOf(client.id)}
<dt>The access goes to</dt><dd><strong>${placeOf(redirectUri)}</strong></dd>
</dl>
${warningFor(redirectUri)}
<p class="actions"><button class="main" name="decision" value="allow">Continue with Google</button>
<button name="decision" value="deny">Cancel</button></p>
</form>`
  }
}

/** A metadata document was read from its own address; a registration proves nothing (RFC 7591 §5). */
function identityOf(clientId: string) {
  const host = URL.parse(clientId)?.host
  return host
    ? html`<dt>Published by</dt><dd><strong>${host}</strong> <span class="soft"><code>${clientId}</code></span></dd>`
    : html`<dt>Identity</dt><dd>Not verified: any program can take this name. <span class="soft"><code>${clientId}</code></span></dd>`
}

function placeOf(redirectUri: string): string {
  const url = new URL(redirectUri)
  if (LOOPBACK.has(url.hostname)) return `a program on this computer (${url.host})`
  return url.host === '' ? `the app that opens ${url.protocol} links` : url.host
}

/** A redirect to this computer or to an app's scheme proves nothing about who listens there. */
function warningFor(redirectUri: string) {
  const url = new URL(redirectUri)
  const isWeb = url.protocol === 'https:' && !LOOPBACK.has(url.hostname)
  return isWeb
    ? html``
    : html`<p class="warning" role="note">Continue only if you have just started this yourself. Any program on your computer can pose as this application.</p>`
}
