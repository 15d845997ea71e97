import { OAuthError } from './oauth-error.ts'
import type { Provider } from './provider.ts'

/** Checks who calls the token endpoint: client_secret_basic or client_secret_post (RFC 6749 §2.3.1). */
export function checkClient(
  { client }: Provider,
  authorization: string | undefined,
  body: { client_id?: string | undefined; client_secret?: string | undefined }
): void {
  const basic = /^Basic (.+)$/i.exec(authorization ?? '')?.[1]
  const [id, secret] = basic === undefined ? [body.client_id, body.client_secret] : readBasic(basic)
  if (id !== client.id)
    throw new OAuthError(401, 'invalid_client', 'The OAuth client was not found.')
  if (secret !== client.secret) {
    throw new OAuthError(401, 'invalid_client', 'The provided client secret is invalid.')
  }
}

function readBasic(encoded: string): string[] {
  const text = Buffer.from(encoded, 'base64').toString()
  const at = text.indexOf(':')
  return [text.slice(0, at), text.slice(at + 1)].map((half) => formDecode(half))
}

const formDecode = (text: string) => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}
