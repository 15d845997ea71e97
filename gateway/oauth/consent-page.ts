import type { AccessLevel } from '#shared/access-levels.ts'
import { levelChoice } from '../web/access-level-choice.ts'
import { type Html, html } from '../web/html.ts'
import { formTarget, type Page } from '../web/page.ts'
import type { ServiceIdentity } from '../web/service-identity.ts'
import { isWebSite, redirectTarget } from './redirect-target.ts'

export interface ConsentQuestion {
  readonly service: ServiceIdentity
  readonly action: string
  readonly formToken: string
  readonly client: { readonly id: string; readonly name: string | undefined }
  /** Where the client gets its code. */
  readonly redirectUri: string
  /** What the client asked for. */
  readonly asked: AccessLevel
  /** Who is signed in on the account page of this browser, if anybody. */
  readonly email: string | undefined
  readonly googleOrigin: string
}

/**
 * Asks the person whether this client may use their mail, before Google is asked anything (MCP security
 * best practices, "confused deputy"). It says who asks, for what, and who will receive the access.
 */
export function consentPage(question: ConsentQuestion): Page {
  const { service, client, redirectUri, asked, googleOrigin } = question
  const name = client.name?.trim() || 'An application without a name'
  const target = formTarget(redirectUri)
  return {
    title: `${name} wants to use your Gmail`,
    formTargets: [googleOrigin, ...(target ? [target] : [])],
    body: html`
<p>It asks through <strong>${service.name}</strong> (${service.host}). You continue at Google only if you allow this, and can take it back at any time on <a href="/account">your account page</a>.</p>
<form method="post" action="${question.action}">
<input type="hidden" name="token" value="${question.formToken}">
<dl>
<dt>Application</dt><dd>${name}</dd>
${identityOf(client.id)}
<dt>The access goes to</dt><dd><strong>${redirectTarget(redirectUri)}</strong></dd>
<dt>Your account</dt><dd>${question.email === undefined ? 'You choose it at Google.' : html`<strong>${question.email}</strong>, unless you choose another one at Google.`}</dd>
</dl>
${levelChoice(asked)}
${warningFor(client.id, redirectUri)}
<p class="actions"><button class="main" name="decision" value="allow">Continue with Google</button>
<button name="decision" value="deny">Cancel</button></p>
</form>`
  }
}

/** A metadata document was read from its own address; a registration proves nothing (RFC 7591 §5). */
const publisherOf = (clientId: string): string | undefined =>
  clientId.startsWith('https://') ? URL.parse(clientId)?.host : undefined

function identityOf(clientId: string): Html {
  const host = publisherOf(clientId)
  return host
    ? html`<dt>Published by</dt><dd><strong>${host}</strong> <span class="soft"><code>${clientId}</code></span></dd>`
    : html`<dt>Identity</dt><dd>Not verified: any program can take this name.</dd>`
}

/** A redirect to this computer or to an app's scheme proves nothing about who listens there. */
function warningFor(clientId: string, redirectUri: string): Html {
  const isSite = isWebSite(redirectUri)
  if (isSite && publisherOf(clientId)) return html``
  const place = isSite
    ? html`Is <strong>${redirectTarget(redirectUri)}</strong> the site that you came from? It gets the access, whatever name stands above.`
    : html`Is the application that you started on this device? Any program on your computer can pose as it.`
  return html`<div class="warning" role="note">Before you continue, check:<ul>
<li>Have you just started this yourself? If a link, a mail or somebody else brought you here, cancel.</li>
<li>${place}</li></ul></div>`
}
