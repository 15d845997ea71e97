import * as z from 'zod'
import type { Provider } from './provider.ts'
import { parseScopes } from './scopes.ts'

const Parameters = z.object({
  client_id: z.string(),
  redirect_uri: z.string(),
  response_type: z.string().optional(),
  scope: z.string().default(''),
  state: z.string().optional(),
  nonce: z.string().optional(),
  access_type: z.enum(['online', 'offline']).default('online'),
  prompt: z.string().default(''),
  login_hint: z.string().optional(),
  include_granted_scopes: z.string().optional(),
  code_challenge: z.string().optional(),
  code_challenge_method: z.string().optional()
})

export interface AuthorizationRequest {
  readonly redirectUri: string
  readonly scopes: readonly string[]
  readonly state: string | undefined
  readonly nonce: string | undefined
  readonly isOffline: boolean
  readonly prompt: ReadonlySet<string>
  readonly loginHint: string | undefined
  readonly includesGranted: boolean
  readonly codeChallenge: string | undefined
}

/** Either a valid request or why not. Google shows all of these on a page of its own and never redirects. */
export function readAuthorizationRequest(
  query: unknown,
  provider: Provider
): AuthorizationRequest | { refused: string } {
  const read = Parameters.safeParse(query)
  if (!read.success) return { refused: 'invalid_request: a required parameter is missing.' }
  const { client_id, redirect_uri, response_type, scope, prompt, ...rest } = read.data
  if (client_id !== provider.client.id) return { refused: 'invalid_client: no such OAuth client.' }
  if (!provider.isRedirectUri(redirect_uri)) return { refused: 'redirect_uri_mismatch' }
  if (response_type !== 'code') return { refused: 'unsupported_response_type' }
  const scopes = parseScopes(scope)
  if (!scopes?.length) return { refused: 'invalid_scope: some requested scopes were invalid.' }
  const challenge = rest.code_challenge
  if (challenge === undefined ? rest.code_challenge_method : !isS256(challenge, rest)) {
    return { refused: 'invalid_request: code_challenge_method must be S256.' }
  }
  return {
    redirectUri: redirect_uri,
    scopes,
    state: rest.state,
    nonce: rest.nonce,
    isOffline: rest.access_type === 'offline',
    prompt: new Set(prompt.split(' ').filter((word) => word !== '')),
    loginHint: rest.login_hint,
    includesGranted: rest.include_granted_scopes === 'true',
    codeChallenge: challenge
  }
}

const isS256 = (
  challenge: string,
  { code_challenge_method }: { code_challenge_method?: string | undefined }
) => code_challenge_method === 'S256' && /^[\w-]{43}$/.test(challenge)
