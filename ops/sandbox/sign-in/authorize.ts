import type { FastifyInstance, FastifyReply } from 'fastify'
import * as z from 'zod'
import type { Account } from '../sandbox-user.ts'
import { type AuthorizationRequest, readAuthorizationRequest } from './authorization-request.ts'
import { consentPage, refusalPage } from './consent-page.ts'
import type { Provider } from './provider.ts'
import { isIdentity } from './scopes.ts'

const Decision = z.object({
  /** A person who cancels need not have chosen one. */
  account: z.string().toLowerCase().default(''),
  scope: z.union([z.string().transform((scope) => [scope]), z.array(z.string())]).default([]),
  decision: z.enum(['allow', 'deny'])
})

const PATH = '/o/oauth2/v2/auth'

/** The page where people sign in and consent, and the answer that it posts to its own address. */
export function serveAuthorize(app: FastifyInstance, provider: Provider): void {
  const route = { config: { operation: 'auth' } }

  app.get(PATH, route, (incoming, reply) => {
    const request = readAuthorizationRequest(incoming.query, provider)
    if ('refused' in request) return showRefusal(reply, request.refused)
    if (request.prompt.has('none'))
      return sendBack(reply, request, { error: 'interaction_required' })
    return reply.type('text/html').send(consentPage(request, provider.accounts))
  })

  app.post(PATH, route, (incoming, reply) => {
    const request = readAuthorizationRequest(incoming.query, provider)
    if ('refused' in request) return showRefusal(reply, request.refused)
    const decision = Decision.safeParse(incoming.body)
    if (!decision.success) return showRefusal(reply, 'invalid_request: the form is incomplete.')
    if (decision.data.decision === 'deny')
      return sendBack(reply, request, { error: 'access_denied' })
    const account = provider.accounts.find(({ email }) => email === decision.data.account)
    if (!account) return showRefusal(reply, 'invalid_request: no such account.')
    incoming.user = account.email
    return sendBack(reply, request, allow(provider, request, account, decision.data.scope))
  })
}

/** Records the consent and gives the answer's parameters. */
function allow(
  { grants, client }: Provider,
  request: AuthorizationRequest,
  account: Account,
  ticked: readonly string[]
): Record<string, string> {
  const { sub } = account
  const before = grants.consented(sub, client.id)
  const asked = request.scopes.filter((scope) => isIdentity(scope) || ticked.includes(scope))
  const scopes = [...new Set([...asked, ...(request.includesGranted ? before : [])])]
  const sawConsent =
    before.size === 0 || request.prompt.has('consent') || asked.some((scope) => !before.has(scope))
  grants.consent(sub, client.id, asked)
  const code = grants.issueCode({
    sub,
    clientId: client.id,
    redirectUri: request.redirectUri,
    scopes,
    nonce: request.nonce,
    codeChallenge: request.codeChallenge,
    withRefreshToken: request.isOffline && sawConsent
  })
  return {
    code,
    scope: scopes.join(' '),
    authuser: '0',
    ...(account.hd === undefined ? {} : { hd: account.hd }),
    prompt: sawConsent ? 'consent' : 'none'
  }
}

function sendBack(
  reply: FastifyReply,
  { redirectUri, state }: AuthorizationRequest,
  parameters: Record<string, string>
) {
  const url = new URL(redirectUri)
  if (state !== undefined) url.searchParams.set('state', state)
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return reply.redirect(url.href, 302)
}

const showRefusal = (reply: FastifyReply, reason: string) =>
  reply.code(400).type('text/html').send(refusalPage(reason))
