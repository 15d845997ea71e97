import { createHash, randomUUID } from 'node:crypto'
import {
  type CryptoKey,
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JSONWebKeySet,
  type JWK,
  SignJWT
} from 'jose'

interface Opened {
  readonly jwk: JWK
  readonly key: CryptoKey | Uint8Array
  readonly kid: string
}

/** The key that signs id tokens (RS256). A new one is made on first need, which takes some 100 ms. */
export class SigningKey {
  /** Called once a new key is there. */
  onChange: () => void = () => {}
  #jwk: JWK | undefined
  #opened: Promise<Opened> | undefined

  /** `saved` is what `jwk` held in an earlier run. */
  constructor(saved: JWK | undefined) {
    this.#jwk = saved
  }

  /** The private key, to be kept over a restart; undefined until it is needed. */
  get jwk(): JWK | undefined {
    return this.#jwk
  }

  /** What others need to check a signature. */
  async jwks(): Promise<JSONWebKeySet> {
    const { jwk, kid } = await this.#open()
    const { kty = 'RSA', n = '', e = '' } = jwk
    return { keys: [{ kty, n, e, kid, use: 'sig', alg: 'RS256' }] }
  }

  async sign(claims: Record<string, unknown>): Promise<string> {
    const { key, kid } = await this.#open()
    return new SignJWT({ jti: randomUUID(), ...claims })
      .setProtectedHeader({ alg: 'RS256', kid, typ: 'JWT' })
      .sign(key)
  }

  #open(): Promise<Opened> {
    this.#opened ??= this.#load()
    return this.#opened
  }

  async #load(): Promise<Opened> {
    const jwk = this.#jwk ?? (await newKey())
    const [key, kid] = await Promise.all([importJWK(jwk, 'RS256'), calculateJwkThumbprint(jwk)])
    if (jwk !== this.#jwk) {
      this.#jwk = jwk
      this.onChange()
    }
    return { jwk, key, kid }
  }
}

/** The hash that binds an access token to an id token (OpenID Connect Core §3.1.3.6). */
export const accessTokenHash = (token: string) =>
  createHash('sha256').update(token).digest().subarray(0, 16).toString('base64url')

async function newKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  return exportJWK(privateKey)
}
