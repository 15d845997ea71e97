import { errors } from 'oidc-provider'
import * as z from 'zod'

/** What a client says about itself, before anything has been checked. */
export interface ClaimedClient {
  [property: string]: unknown
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])
const GRANT_TYPES = ['authorization_code', 'refresh_token']
const NAME_LIMIT = 100
const REDIRECT_LIMIT = 20
/** Characters of one address, and of all that is kept of a client. Real ones have less than a tenth of it. */
const ADDRESS_LIMIT = 2048
const RECORD_LIMIT = 8 * 1024

/** The only things that we want to know of a client. */
const KEPT = new Set([
  'client_id',
  'client_id_issued_at',
  'client_name',
  'client_uri',
  'redirect_uris',
  'grant_types',
  'response_types',
  'response_modes',
  'token_endpoint_auth_method',
  'id_token_signed_response_alg',
  'application_type',
  'subject_type'
])

const Texts = z.array(z.string())

/**
 * Reduces what a client claims (dynamic registration, RFC 7591, or a metadata document) to what this
 * server offers, in place: a public client with PKCE, codes, and redirects to https, to this computer
 * or to an app's own scheme. MCP clients also send scopes, device grants, keys and addresses to fetch;
 * the server may leave those out (RFC 7591 §2). Throws the provider's own errors.
 */
export function reduceClient(client: ClaimedClient): void {
  refuseConfidential(client)
  for (const property of Object.keys(client)) {
    if (!KEPT.has(property)) delete client[property]
  }
  checkRedirects(client.redirect_uris)
  client.client_name = readableName(client.client_name)
  client.grant_types = supported(client.grant_types, GRANT_TYPES)
  client.response_types = ['code']
  // The page of `form_post` needs a script, and `fragment` is for flows that are not offered.
  client.response_modes = ['query']
  client.token_endpoint_auth_method = 'none'
  client.id_token_signed_response_alg = 'ES256'
  client.subject_type = 'public'
  // Loopback redirects match on any port for native clients only, and clients use both types for them.
  client.application_type = 'native'
  if (JSON.stringify(client).length > RECORD_LIMIT) {
    throw new errors.InvalidClientMetadata(
      `the metadata must not exceed ${RECORD_LIMIT} characters`
    )
  }
}

/** A client that can only prove itself with its own key must not be let in without that proof. */
function refuseConfidential(client: ClaimedClient): void {
  const method = client.token_endpoint_auth_method
  const choices = Texts.safeParse(client.token_endpoint_auth_methods_supported).data ?? []
  if (method === 'private_key_jwt' && !choices.includes('none')) {
    throw new errors.InvalidClientMetadata('only public clients (token_endpoint_auth_method none)')
  }
}

function checkRedirects(claimed: unknown): void {
  const uris = Texts.safeParse(claimed).data ?? []
  if (uris.length > REDIRECT_LIMIT)
    throw new errors.InvalidClientMetadata('redirect_uris must not be so many')
  for (const uri of uris) {
    if (uri.length > ADDRESS_LIMIT) {
      throw new errors.InvalidClientMetadata(
        `redirect_uris must not exceed ${ADDRESS_LIMIT} characters each`
      )
    }
    const url = URL.parse(uri)
    if (url?.protocol === 'http:' && !LOOPBACK.has(url.hostname)) {
      throw new errors.InvalidClientMetadata('redirect_uris with http must be loopback')
    }
    if (url && (url.username !== '' || url.password !== '')) {
      throw new errors.InvalidClientMetadata('redirect_uris must not hold credentials')
    }
  }
}

function supported(claimed: unknown, offered: readonly string[]): string[] {
  const asked = Texts.safeParse(claimed).data
  return asked ? offered.filter((type) => asked.includes(type)) : [...offered]
}

/** Control and direction characters could make a name look like another one. */
function readableName(claimed: unknown): string | undefined {
  if (typeof claimed !== 'string') return undefined
  const name = claimed
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '')
    .trim()
    .slice(0, NAME_LIMIT)
  return name === '' ? undefined : name
}
