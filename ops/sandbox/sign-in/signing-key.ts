import { createHash, randomUUID } from 'node:crypto'
import {
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JSONWebKeySet,
  type JWK,
  SignJWT
} from 'jose'

/** The key that signs id tokens (RS256), and what others need to check them. */
export interface SigningKey {
  readonly jwks: JSONWebKeySet
  /** The private key, to be kept over a restart. */
  readonly jwk: JWK
  sign(claims: Record<string, unknown>): Promise<string>
}

/** Opens a kept key, or makes a new one. */
export async function openSigningKey(saved?: JWK): Promise<SigningKey> {
  const jwk = saved ?? (await newKey())
  const key = await importJWK(jwk, 'RS256')
  const kid = await calculateJwkThumbprint(jwk)
  const { kty, n, e } = jwk
  return {
    jwk,
    jwks: { keys: [{ kty, n, e, kid, use: 'sig', alg: 'RS256' } as JWK] },
    sign: (claims) =>
      new SignJWT({ jti: randomUUID(), ...claims })
        .setProtectedHeader({ alg: 'RS256', kid, typ: 'JWT' })
        .sign(key)
  }
}

/** The hash that binds an access token to an id token (OpenID Connect Core §3.1.3.6). */
export const accessTokenHash = (token: string) =>
  createHash('sha256').update(token).digest().subarray(0, 16).toString('base64url')

async function newKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  return exportJWK(privateKey)
}
