import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import type { UserId } from '#shared/ids.ts'
import type { Accounts } from './accounts.ts'
import type { GoogleGrant, GoogleGrants } from './google-grants.ts'
import type { Google } from './google-oidc.ts'

interface BrokeredToken {
  readonly accessToken: string
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
  readonly scopes: readonly string[]
}

/** Gives Google access tokens to workers, so that refresh tokens never leave the gateway. */
export interface TokenBroker {
  /**
   * A token that works for at least two minutes; `force` after Google refused the last one (then a new
   * one at most every 10 s). Callers that come together share one refresh. Rejects with
   * ERR_NEEDS_REAUTH, ERR_ACCOUNT_BLOCKED, ERR_UPSTREAM or ERR_VAULT.
   */
  accessToken(userId: UserId, options?: { readonly force?: boolean }): Promise<BrokeredToken>
  /** Drops what is remembered of this user: after a sign-in, a block or an erasure. */
  forget(userId: UserId): void
}

export type RefreshResult = 'ok' | 'needs_reauth' | 'upstream' | 'vault'

export interface TokenBrokerParts {
  readonly grants: GoogleGrants
  readonly accounts: Pick<Accounts, 'find' | 'needsReauth'>
  readonly google: Pick<Google, 'refresh'>
  readonly clock: Clock
  /** Google ended this account's grant. Called once for each grant that ends. */
  readonly onNeedsReauth: (userId: UserId) => void
  readonly onRefresh?: (result: RefreshResult) => void
}

/** A worker may use a token for the length of a long call. */
const LEAST_LIFE_MS = 2 * 60_000
const FORCED_EVERY_MS = 10_000
/** While Google is away, a busy user must not become a storm of refreshes. */
const REST_AFTER_FAILURE_MS = 1000

/** What is remembered of one user. */
interface Entry {
  token: BrokeredToken | undefined
  /** Until when it may be given out. As `Clock.monotonic`, like all times here. */
  usableUntil: number
  /** When the last refresh began. */
  attemptedAt: number
  /** When the last refresh began that replaced a token which Google had refused. */
  forcedAt: number
  failure: GatewayError | undefined
  flight: Promise<BrokeredToken> | undefined
}

export function createTokenBroker(parts: TokenBrokerParts): TokenBroker {
  const { grants, accounts, google, clock, onNeedsReauth, onRefresh } = parts
  const entries = new Map<UserId, Entry>()

  const entryOf = (userId: UserId): Entry => {
    const known = entries.get(userId)
    if (known) return known
    const entry: Entry = {
      token: undefined,
      usableUntil: Number.NEGATIVE_INFINITY,
      attemptedAt: Number.NEGATIVE_INFINITY,
      forcedAt: Number.NEGATIVE_INFINITY,
      failure: undefined,
      flight: undefined
    }
    entries.set(userId, entry)
    return entry
  }

  const tellNeedsReauth = async (userId: UserId): Promise<void> => {
    await accounts.needsReauth(userId)
    onNeedsReauth(userId)
  }

  const endGrant = async (userId: UserId, grant: GoogleGrant): Promise<boolean> => {
    if (!(await grants.removeIf(userId, grant.version))) return false
    await tellNeedsReauth(userId)
    return true
  }

  const refreshWith = async (userId: UserId, grant: GoogleGrant): Promise<BrokeredToken> => {
    const access = await google.refresh(grant.refreshToken)
    if (access === 'refused') {
      const ended = await endGrant(userId, grant)
      const newer = ended ? undefined : await grants.find(userId)
      // The person signed in again while the old grant was being tried.
      if (newer && newer.version !== grant.version) return refreshWith(userId, newer)
      throw needsReauth()
    }
    if (access.refreshToken !== undefined && access.refreshToken !== grant.refreshToken) {
      await grants.replaceToken(userId, grant.version, access.refreshToken)
    }
    const { accessToken, expiresAt, scopes = grant.scopes } = access
    return { accessToken, expiresAt, scopes }
  }

  const refresh = async (userId: UserId): Promise<BrokeredToken> => {
    const account = await accounts.find(userId)
    if (account?.state === 'blocked') {
      throw new GatewayError('ERR_ACCOUNT_BLOCKED', 'An operator blocked this account.')
    }
    const grant = await grants.find(userId)
    if (grant) return refreshWith(userId, grant)
    if (account?.state === 'active') await tellNeedsReauth(userId)
    throw needsReauth()
  }

  const launch = async (userId: UserId, entry: Entry, force: boolean): Promise<BrokeredToken> => {
    entry.attemptedAt = clock.monotonic()
    try {
      entry.token = await refresh(userId)
      const lifeMs = entry.token.expiresAt - clock.now()
      entry.usableUntil = clock.monotonic() + lifeMs - LEAST_LIFE_MS
      entry.failure = undefined
      if (force) entry.forcedAt = entry.attemptedAt
      onRefresh?.('ok')
      return entry.token
    } catch (cause) {
      const isOver = cause instanceof GatewayError && cause.code === 'ERR_NEEDS_REAUTH'
      if (isOver) entry.token = undefined
      if (cause instanceof GatewayError) entry.failure = cause
      onRefresh?.(resultOf(cause))
      throw cause
    } finally {
      entry.flight = undefined
    }
  }

  return {
    async accessToken(userId, { force = false } = {}) {
      const entry = entryOf(userId)
      if (entry.flight !== undefined) return entry.flight
      const now = clock.monotonic()
      const usable = now < entry.usableUntil ? entry.token : undefined
      if (usable && !(force && now - entry.forcedAt >= FORCED_EVERY_MS)) return usable
      if (entry.failure && now - entry.attemptedAt < REST_AFTER_FAILURE_MS) throw entry.failure
      entry.flight = launch(userId, entry, force)
      return entry.flight
    },
    forget(userId) {
      // A refresh that is under way keeps the old entry and cannot write into a new one.
      entries.delete(userId)
    }
  }
}

function resultOf(cause: unknown): RefreshResult {
  if (!(cause instanceof GatewayError)) return 'upstream'
  if (cause.code === 'ERR_NEEDS_REAUTH') return 'needs_reauth'
  return cause.code === 'ERR_VAULT' ? 'vault' : 'upstream'
}

const needsReauth = () =>
  new GatewayError(
    'ERR_NEEDS_REAUTH',
    'Google no longer accepts the access given to this gateway. Please sign in again.'
  )
