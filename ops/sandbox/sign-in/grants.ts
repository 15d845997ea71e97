import { randomBytes } from 'node:crypto'
import type { Clock } from '#shared/clock.ts'

/** A client's access to an account, and all tokens that live by it. */
interface Grant {
  readonly sub: string
  readonly clientId: string
  readonly scopes: Set<string>
  /** Oldest first. */
  refreshTokens: RefreshToken[]
}

export interface RefreshToken {
  readonly token: string
  readonly scopes: readonly string[]
}

export interface AccessToken {
  readonly token: string
  readonly sub: string
  readonly clientId: string
  readonly scopes: readonly string[]
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

/** What an authorization code stands for. */
export interface CodeContent {
  readonly sub: string
  readonly clientId: string
  readonly redirectUri: string
  readonly scopes: readonly string[]
  readonly nonce: string | undefined
  readonly codeChallenge: string | undefined
  readonly withRefreshToken: boolean
}

/** Google's own limit: one more, and the oldest stops working without a word. */
const MAX_REFRESH_TOKENS = 100
const CODE_MS = 60_000

/** Who consented to what, and every token that came of it. Secrets are truly random. */
export class Grants {
  /** Called after every change that a restart should keep. */
  onChange: () => void = () => {}
  readonly #clock: Clock
  readonly #accessTokenMs: number
  readonly #grants = new Map<string, Grant>()
  readonly #refreshTokens = new Map<string, { grant: Grant; refresh: RefreshToken }>()
  readonly #accessTokens = new Map<string, AccessToken>()
  readonly #codes = new Map<string, CodeContent & { expiresAt: number }>()

  constructor(clock: Clock, accessTokenSeconds: number) {
    this.#clock = clock
    this.#accessTokenMs = accessTokenSeconds * 1000
  }

  get accessTokenSeconds(): number {
    return this.#accessTokenMs / 1000
  }

  /** What the account has allowed the client so far. */
  consented(sub: string, clientId: string): ReadonlySet<string> {
    return this.#grants.get(keyOf(sub, clientId))?.scopes ?? new Set()
  }

  consent(sub: string, clientId: string, scopes: readonly string[]): void {
    for (const scope of scopes) this.#grantOf(sub, clientId).scopes.add(scope)
    this.onChange()
  }

  issueCode(content: CodeContent): string {
    const code = `4/0A${secret(48)}`
    this.#codes.set(code, { ...content, expiresAt: this.#clock.now() + CODE_MS })
    return code
  }

  /** A code works once, whatever comes of it. Undefined when unknown, used or older than a minute. */
  takeCode(code: string): CodeContent | undefined {
    const content = this.#codes.get(code)
    this.#codes.delete(code)
    return content && content.expiresAt > this.#clock.now() ? content : undefined
  }

  issueRefreshToken(sub: string, clientId: string, scopes: readonly string[]): string {
    const grant = this.#grantOf(sub, clientId)
    const refresh = { token: `1//0${secret(72)}`, scopes }
    grant.refreshTokens.push(refresh)
    this.#refreshTokens.set(refresh.token, { grant, refresh })
    for (const { token } of grant.refreshTokens.splice(
      0,
      grant.refreshTokens.length - MAX_REFRESH_TOKENS
    )) {
      this.#refreshTokens.delete(token)
    }
    this.onChange()
    return refresh.token
  }

  issueAccessToken(sub: string, clientId: string, scopes: readonly string[]): AccessToken {
    const expiresAt = this.#clock.now() + this.#accessTokenMs
    const access = { token: `ya29.a0${secret(120)}`, sub, clientId, scopes, expiresAt }
    this.#accessTokens.set(access.token, access)
    this.onChange()
    return access
  }

  /** Undefined when the token is unknown, revoked or of another client. */
  refreshToken(token: string, clientId: string): (RefreshToken & { sub: string }) | undefined {
    const found = this.#refreshTokens.get(token)
    if (!found || found.grant.clientId !== clientId) return undefined
    return { ...found.refresh, sub: found.grant.sub }
  }

  /** Undefined when the token is unknown, revoked or expired. */
  accessToken(token: string): AccessToken | undefined {
    const access = this.#accessTokens.get(token)
    if (!access || access.expiresAt > this.#clock.now()) return access
    this.#accessTokens.delete(token)
    return undefined
  }

  /** The `sub` of whom a token or an unused code belongs to; nothing is used up by asking. */
  ownerOf(secret: string): string | undefined {
    return (
      this.#refreshTokens.get(secret)?.grant.sub ??
      this.#accessTokens.get(secret)?.sub ??
      this.#codes.get(secret)?.sub
    )
  }

  /** Ends the whole grant that a token of either kind belongs to. False when there is no such token. */
  revoke(token: string): boolean {
    const access = this.accessToken(token)
    const grant =
      this.#refreshTokens.get(token)?.grant ??
      (access && this.#grants.get(keyOf(access.sub, access.clientId)))
    if (!grant) return false
    this.#end(grant)
    return true
  }

  /** Ends everything an account ever granted. */
  revokeAll(sub: string): void {
    for (const grant of [...this.#grants.values()]) if (grant.sub === sub) this.#end(grant)
  }

  /** Ends access tokens before their time, of one account or of all; grants stay. */
  expireAccessTokens(sub?: string): void {
    for (const access of [...this.#accessTokens.values()]) {
      if (sub === undefined || access.sub === sub) this.#accessTokens.delete(access.token)
    }
    this.onChange()
  }

  snapshot() {
    return {
      grants: [...this.#grants.values()].map((grant) => ({ ...grant, scopes: [...grant.scopes] })),
      accessTokens: [...this.#accessTokens.values()].filter(
        ({ expiresAt }) => expiresAt > this.#clock.now()
      )
    }
  }

  restore(saved: ReturnType<Grants['snapshot']>): void {
    for (const { scopes, ...rest } of saved.grants) {
      const grant = { ...rest, scopes: new Set(scopes) }
      this.#grants.set(keyOf(grant.sub, grant.clientId), grant)
      for (const refresh of grant.refreshTokens) {
        this.#refreshTokens.set(refresh.token, { grant, refresh })
      }
    }
    for (const access of saved.accessTokens) this.#accessTokens.set(access.token, access)
  }

  #grantOf(sub: string, clientId: string): Grant {
    const key = keyOf(sub, clientId)
    const grant = this.#grants.get(key) ?? { sub, clientId, scopes: new Set(), refreshTokens: [] }
    this.#grants.set(key, grant)
    return grant
  }

  #end(grant: Grant): void {
    this.#grants.delete(keyOf(grant.sub, grant.clientId))
    for (const { token } of grant.refreshTokens) this.#refreshTokens.delete(token)
    for (const access of [...this.#accessTokens.values()]) {
      if (access.sub === grant.sub && access.clientId === grant.clientId) {
        this.#accessTokens.delete(access.token)
      }
    }
    this.onChange()
  }
}

const keyOf = (sub: string, clientId: string) => `${sub} ${clientId}`
const secret = (bytes: number) => randomBytes(bytes).toString('base64url')
