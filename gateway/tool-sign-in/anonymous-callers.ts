import { randomBytes } from 'node:crypto'
import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import { anonymousUserId, isAnonymous, type SessionId, type UserId } from '#shared/ids.ts'
import type { Account, Accounts } from '../accounts/accounts.ts'
import type { AllowedPeople } from '../accounts/allow-list.ts'
import type { Caller } from '../accounts/bearer-tokens.ts'
import type { PersonalTokens } from '../accounts/personal-tokens.ts'
import { clientNetwork } from '../http/client-network.ts'
import { TOOL_CLIENT } from '../sessions/owned-sessions.ts'
import type { SessionRegistry } from '../sessions/registry.ts'
import type { Supervisor } from '../supervisor/supervisor.ts'

export interface AnonymousCallersParts {
  readonly clock: Clock
  readonly sessions: Pick<SessionRegistry, 'findTokenless' | 'end'>
  readonly accounts: Pick<Accounts, 'find'>
  /** Whether the operator lets the owner of an account in; everybody, if absent. */
  readonly allowsAccount?: AllowedPeople['allowsAccount']
  readonly personalTokens: Pick<PersonalTokens, 'isLive'>
  readonly supervisor: Pick<Supervisor, 'list'>
  /** The most processes of people who have not signed in; one network address has half of them, or two. */
  readonly atOnce: number
}

/** New sessions of strangers in a minute: from one network address, and from all. */
const PER_ADDRESS = 10
const PER_MINUTE = 300
const MINUTE_MS = 60_000
/** A person has more than one application. */
const LEAST_PER_ADDRESS = 2

/**
 * Callers without a token, where the operator lets people sign in by tool. Each new session is nobody's,
 * with a process of its own; later calls are known by the session id alone, so such sessions end early.
 */
export class AnonymousCallers {
  readonly #parts: AnonymousCallersParts
  readonly #inFlight = new Map<UserId, number>()
  /** Whence those who are present called last. */
  readonly #networks = new Map<UserId, string>()
  #minute = { since: 0, count: 0, byAddress: new Map<string, number>() }

  constructor(parts: AnonymousCallersParts) {
    this.#parts = parts
  }

  /**
   * Who calls in a session that needs no token. Rejects with ERR_SESSION_UNKNOWN for every other id, with
   * ERR_ACCOUNT_BLOCKED, or with ERR_WORKER_CAPACITY.
   */
  async recognise(id: SessionId, address: string): Promise<Caller> {
    const { sessions, accounts, personalTokens } = this.#parts
    const session = await sessions.findTokenless(id)
    if (session?.expiresAt === undefined) throw unknown()
    const { userId, level, expiresAt, tokenHash } = session
    if (isAnonymous(userId)) this.#admit(userId, clientNetwork(address))
    else this.#refuse(await accounts.find(userId))
    if (tokenHash !== undefined && !(await personalTokens.isLive(tokenHash))) {
      await sessions.end(session.handle, 'expired')
      throw unknown()
    }
    return callerOf(userId, level, expiresAt, tokenHash)
  }

  #refuse(account: Account | undefined): void {
    if (account?.state === 'blocked') throw blocked()
    if (account && this.#parts.allowsAccount?.(account) === false)
      throw new GatewayError('ERR_NOT_ALLOWED', 'This account may not use this gateway any more.')
  }

  /** A stranger who begins a session. Throws ERR_TOO_MANY_CALLS or ERR_WORKER_CAPACITY. */
  begin(address: string): Caller {
    const network = clientNetwork(address)
    this.#spend(network)
    const userId = anonymousUserId(randomBytes(12).toString('base64url'))
    this.#admit(userId, network)
    return callerOf(userId, undefined, this.#parts.clock.now() + MINUTE_MS)
  }

  /** Counts a call in; the returned function counts it out. */
  enter({ userId }: Caller): () => void {
    if (!isAnonymous(userId)) return () => {}
    this.#inFlight.set(userId, (this.#inFlight.get(userId) ?? 0) + 1)
    return () => {
      const left = (this.#inFlight.get(userId) ?? 1) - 1
      if (left > 0) this.#inFlight.set(userId, left)
      else this.#inFlight.delete(userId)
    }
  }

  #admit(userId: UserId, network: string): void {
    const present = new Set(this.#inFlight.keys())
    for (const worker of this.#parts.supervisor.list())
      if (worker.userId !== null && isAnonymous(worker.userId)) present.add(worker.userId)
    for (const known of this.#networks.keys()) if (!present.has(known)) this.#networks.delete(known)
    if (!present.has(userId)) {
      const { atOnce } = this.#parts
      const fromThere = [...this.#networks.values()].filter((other) => other === network).length
      if (
        present.size >= atOnce ||
        fromThere >= Math.max(LEAST_PER_ADDRESS, Math.floor(atOnce / 2))
      )
        throw new GatewayError('ERR_WORKER_CAPACITY', 'Too many people sign in now; try again.', {
          retryAfter: 10
        })
    }
    this.#networks.set(userId, network)
  }

  #spend(network: string): void {
    const now = this.#parts.clock.monotonic()
    if (now - this.#minute.since >= MINUTE_MS)
      this.#minute = { since: now, count: 0, byAddress: new Map() }
    const { byAddress } = this.#minute
    const ofAddress = byAddress.get(network) ?? 0
    if (ofAddress >= PER_ADDRESS || this.#minute.count >= PER_MINUTE) {
      throw new GatewayError(
        'ERR_TOO_MANY_CALLS',
        'Too many new sessions without a token; wait a minute.',
        { retryAfter: 60 }
      )
    }
    byAddress.set(network, ofAddress + 1)
    this.#minute.count += 1
  }
}

const callerOf = (
  userId: UserId,
  level: Caller['level'],
  expiresAt: number,
  tokenHash = ''
): Caller => ({
  userId,
  clientId: TOOL_CLIENT,
  level,
  expiresAt: Math.floor(expiresAt / 1000),
  credential: 'session',
  accessId: tokenHash
})

const unknown = (): GatewayError => new GatewayError('ERR_SESSION_UNKNOWN', 'Session not found')
const blocked = (): GatewayError =>
  new GatewayError('ERR_ACCOUNT_BLOCKED', 'An operator blocked this account.')
