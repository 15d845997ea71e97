import { randomBytes } from 'node:crypto'
import type { AccessLevel } from '#shared/access-levels.ts'
import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import { isAnonymous, type SessionId, type UserId, type WorkerId } from '#shared/ids.ts'
import { sessionHash } from '#shared/session-hash.ts'
import type { InitializeParams } from '#shared/worker-protocol.ts'
import type { SessionRow } from '../store/schema.ts'
import type { Store } from '../store/store.ts'
import { isStoreError } from '../store/store-trouble.ts'
import { evictionOrder, type Newcomer } from './eviction-order.ts'
import { LastSeen } from './last-seen.ts'
import type { EndReason, HibernationCause, Session } from './session.ts'
import { keptName, type OwnerColumns, ownerColumns, rowOf, sessionOf } from './session-row.ts'
import { type SessionStatements, sessionStatements } from './session-statements.ts'

/** A client's `initialize` is kept for as long as its session, so it may not be large. */
const INITIALIZE_LIMIT = 16 * 1024
/** How often changed `lastSeenAt` are written, and how often expired sessions are looked for. */
const FLUSH_MS = 5000
/** A session that is not in use is forgotten in memory after this time; the store still knows it. */
const FORGET_MS = 10 * 60_000
/** A session that nobody signs in to ends after this time. */
const NOBODYS_SESSION_MS = 3600_000

export interface SessionRules {
  /** A session that nobody uses for this long ends. */
  readonly ttlMs: number
  readonly perUser: number
}

/** Which sessions to list; what is absent does not matter. */
export interface SessionFilter {
  readonly userId?: UserId
  /** The client's own name, exactly. */
  readonly client?: string
  /** Live: a worker process knows the session now. The store does not know which those are. */
  readonly state?: 'live' | 'hibernated'
  readonly limit: number
  /** The handle after which to go on. */
  readonly cursor?: string
}

/** Hears of sessions that came and went. */
export interface SessionEvents {
  started(session: Session): void
  /** A round of writing and expiring failed; the next one tries again. */
  sweepFailed(error: unknown): void
  ended(session: Session, reason: EndReason): void
  /** One was ended by whoever may: other gateways may have something open for it. */
  endedForAll?(session: Session): void
}

/** Whose a session has become, what it may do, and until when. */
export interface SignedIn {
  readonly userId: UserId
  readonly level: AccessLevel
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
  /** The personal token that it was signed in with. */
  readonly tokenHash?: string | undefined
}

export interface SessionRegistryParts {
  readonly store: Store
  readonly clock: Clock
  readonly rules: SessionRules
  readonly events: SessionEvents
  /** Whether the wall clock may be believed: until then no session is too old. Yes, if absent. */
  readonly isClockSettled?: () => boolean
  /**
   * Whether a session of this person that a worker knows counts without the database, while that cannot be reached. No,
   * if absent.
   */
  readonly goesOn?: (userId: UserId) => boolean
  /** Rejects when this gateway, in the eyes of the transaction, may no longer run the user's worker. */
  readonly verifyLease: (userId: UserId, transaction: Store['db']) => Promise<void>
}

/**
 * Every legacy session, durable. Stored before its client learns the id, found again after any restart,
 * and once ended gone for good: an id that is not in the store is unknown, whoever brings it.
 */
export class SessionRegistry {
  readonly #store: Store
  readonly #verifyLease: SessionRegistryParts['verifyLease']
  readonly #clock: Clock
  readonly #isClockSettled: () => boolean
  readonly #startedAt: number
  readonly #rules: SessionRules
  readonly #statements: SessionStatements
  readonly #goesOn: (userId: UserId) => boolean
  readonly #events: SessionEvents
  readonly #recent = new Map<string, Session>()
  readonly #lastSeen: LastSeen
  /** Rows on their way out of the store. */
  readonly #ending = new Map<string, Promise<void>>()
  #disarm: () => void = () => {}
  #sweeping: Promise<void> = Promise.resolve()
  #closed = false

  constructor(parts: SessionRegistryParts) {
    this.#store = parts.store
    this.#lastSeen = new LastSeen(parts.store)
    this.#verifyLease = parts.verifyLease
    this.#clock = parts.clock
    this.#isClockSettled = parts.isClockSettled ?? (() => true)
    this.#goesOn = parts.goesOn ?? (() => false)
    this.#startedAt = parts.clock.now()
    this.#statements = sessionStatements(parts.store)
    this.#rules = parts.rules
    this.#events = parts.events
    this.#arm()
  }

  /**
   * Stores a new session that `workerId` has just opened. When its owner has too many, one that was left
   * behind ends. Rejects with ERR_BODY_TOO_LARGE when the parameters are too large to keep, and with
   * ERR_LEASE_LOST when another gateway has taken the user over.
   */
  async open(opened: {
    id: SessionId
    userId: UserId
    clientId: string
    initialize: InitializeParams
    workerId: WorkerId
  }): Promise<Session> {
    const initialize = JSON.stringify(opened.initialize)
    if (Buffer.byteLength(initialize) > INITIALIZE_LIMIT) {
      throw new GatewayError(
        'ERR_BODY_TOO_LARGE',
        `The parameters of initialize are over ${INITIALIZE_LIMIT} bytes.`
      )
    }
    const {
      clientId,
      initialize: { clientInfo }
    } = opened
    await this.#makeRoom(opened.userId, { clientId, name: clientInfo.name })
    const now = this.#clock.now()
    const session: Session = {
      hash: sessionHash(opened.id),
      handle: `s-${randomBytes(6).toString('hex')}`,
      userId: opened.userId,
      clientId: opened.clientId,
      initialize: opened.initialize,
      createdAt: now,
      level: undefined,
      expiresAt: isAnonymous(opened.userId) ? now + NOBODYS_SESSION_MS : undefined,
      tokenHash: undefined,
      lastSeenAt: now,
      requests: 0,
      inFlight: 0,
      streams: 0,
      liveIn: opened.workerId,
      asleepBy: 'hibernation',
      ended: undefined
    }
    await this.#store.transaction(async (tx) => {
      await this.#verifyLease(opened.userId, tx)
      await tx.insertInto('sessions').values(rowOf(session, initialize)).execute()
    })
    this.#recent.set(session.hash, session)
    this.#events.started(session)
    return session
  }

  /** The session with this id if it belongs to this user; an unknown, ended or foreign id is undefined. */
  async find(id: SessionId, userId: UserId): Promise<Session | undefined> {
    return this.findByHash(sessionHash(id), userId)
  }

  /** As `find`, by what the worker of this user calls the session. */
  async findByHash(hash: string, userId: UserId): Promise<Session | undefined> {
    const session = await this.#alive(hash)
    return session?.userId === userId ? session : undefined
  }

  /** The session with this id if its calls need no token. */
  async findTokenless(id: SessionId): Promise<Session | undefined> {
    const session = await this.#alive(sessionHash(id))
    return session?.expiresAt === undefined ? undefined : session
  }

  /**
   * Gives nobody's session to the person who has signed in to it; the next call finds it in that person's
   * worker. Only from nobody, and only once: throws ERR_SESSION_UNKNOWN otherwise, also when another
   * gateway was faster.
   */
  async bind(session: Session, to: SignedIn): Promise<void> {
    const nobody = session.userId
    if (!isAnonymous(nobody) || session.ended) throw unknown()
    const { clientId, initialize } = session
    await this.#makeRoom(to.userId, { clientId, name: initialize.clientInfo.name })
    const { numUpdatedRows } = await this.#store.db
      .updateTable('sessions')
      .set({
        user_id: to.userId,
        level: to.level,
        expires_at: to.expiresAt,
        token_hash: to.tokenHash ?? null
      })
      .where('hash', '=', session.hash)
      .where('user_id', '=', nobody)
      .executeTakeFirstOrThrow()
    if (numUpdatedRows !== 1n) throw unknown()
    const { userId, level, expiresAt, tokenHash } = to
    Object.assign(session, { userId, level, expiresAt, tokenHash, liveIn: undefined })
  }

  /**
   * The person of a session allows more in it. One that needs no token gets another end, and leans on the
   * personal token that was given, if one was.
   */
  async allow(session: Session, { level, expiresAt, tokenHash }: SignedIn): Promise<void> {
    const isTokenless = session.expiresAt !== undefined
    const changes = {
      level,
      expiresAt: isTokenless ? expiresAt : undefined,
      tokenHash: isTokenless ? tokenHash : undefined
    }
    await this.#store.db
      .updateTable('sessions')
      .set({
        level,
        expires_at: changes.expiresAt ?? null,
        token_hash: changes.tokenHash ?? null
      })
      .where('hash', '=', session.hash)
      .execute()
    Object.assign(session, changes)
  }

  /** Notes that its client was here. */
  touch(session: Session): void {
    this.#lastSeen.touch(session, this.#clock.now())
  }

  /** Ends a session; its id never works again. Undefined when there is none by this handle. */
  async end(handle: string, reason: EndReason): Promise<Session | undefined> {
    const session = await this.byHandle(handle)
    if (session) {
      await this.#end(session, reason)
      this.#events.endedForAll?.(session)
    }
    return session
  }

  /** Another gateway says that it has ended this session: what is open here for it ends too. */
  async endedElsewhere(handle: string): Promise<void> {
    for (const session of this.#recent.values())
      if (session.handle === handle) await this.#lookUp(session.hash)
  }

  /** Ends the session with this id if it belongs to this user. */
  async endById(id: SessionId, userId: UserId, reason: EndReason): Promise<void> {
    const session = await this.find(id, userId)
    if (session) await this.#end(session, reason)
  }

  async byHandle(handle: string): Promise<Session | undefined> {
    const row = await this.#store.db
      .selectFrom('sessions')
      .selectAll()
      .where('handle', '=', handle)
      .executeTakeFirst()
    return row && this.#remember(row)
  }

  /** Sessions in the order of their handles, after `cursor`. */
  async list({ userId, client, state, limit, cursor }: SessionFilter): Promise<Session[]> {
    let query = this.#store.db.selectFrom('sessions').selectAll().orderBy('handle')
    if (userId !== undefined) query = query.where('user_id', '=', userId)
    if (client !== undefined) query = query.where('client_name', '=', keptName(client))
    if (cursor !== undefined) query = query.where('handle', '>', cursor)
    if (state !== undefined) {
      const live = this.#store.terms.listed(this.#live().map(({ hash }) => hash))
      query = query.where('hash', state === 'live' ? 'in' : 'not in', live)
    }
    const rows = await query.limit(limit).execute()
    return rows.map((row) => this.#recent.get(row.hash) ?? sessionOf(row, this.#startedAt))
  }

  /**
   * How many there are, and how many of them nobody has used for longer than the rules allow. Rejects soon with
   * ERR_STORE while the store cannot be asked.
   */
  async count(): Promise<{ readonly all: number; readonly orphaned: number }> {
    const before = this.#clock.now() - this.#rules.ttlMs
    const { countUsed } = this.#statements
    const [[all], [orphaned]] = await Promise.all([
      countUsed.soon(Number.MAX_SAFE_INTEGER),
      countUsed.soon(before)
    ])
    return { all: all?.n ?? 0, orphaned: orphaned?.n ?? 0 }
  }

  /** How many sessions some worker process knows. */
  countLive(): number {
    return this.#live().length
  }

  /** How many sessions a worker process knows. */
  liveIn(workerId: WorkerId): number {
    let count = 0
    for (const session of this.#recent.values()) if (session.liveIn === workerId) count += 1
    return count
  }

  /** The process is gone: its sessions are asleep now. */
  workerGone(workerId: WorkerId, asleepBy: HibernationCause): void {
    for (const session of this.#recent.values()) {
      if (session.liveIn === workerId) Object.assign(session, { liveIn: undefined, asleepBy })
    }
  }

  /** Writes what is not yet written, as far as the store can be written. May be called more than once. */
  async close(): Promise<void> {
    this.#closed = true
    this.#disarm()
    await this.#sweeping
    await this.#lastSeen.write().catch((error: unknown) => this.#events.sweepFailed(error))
  }

  #live(): Session[] {
    return [...this.#recent.values()].filter(({ liveIn }) => liveIn !== undefined)
  }

  #arm(): void {
    this.#disarm = this.#clock.after(FLUSH_MS, () => {
      this.#sweeping = this.#sweep() // never rejects
    })
  }

  async #sweep(): Promise<void> {
    try {
      await this.#lastSeen.write()
      await this.#expire()
      this.#forget()
    } catch (error) {
      this.#events.sweepFailed(error)
    }
    if (!this.#closed) this.#arm()
  }

  async #expire(): Promise<void> {
    const rows = await this.#store.db
      .selectFrom('sessions')
      .selectAll()
      .where(({ or, eb }) =>
        or([
          eb('last_seen_at', '<', this.#clock.now() - this.#rules.ttlMs),
          eb('expires_at', '<=', this.#clock.now())
        ])
      )
      .limit(1000)
      .execute()
    for (const row of rows) {
      const session = this.#remember(row)
      if (this.#isExpired(session)) await this.#end(session, 'expired')
    }
  }

  #forget(): void {
    const before = this.#clock.now() - FORGET_MS
    for (const [hash, session] of this.#recent) {
      const { inFlight, streams, liveIn, lastSeenAt } = session
      const isInUse = inFlight > 0 || streams > 0 || liveIn !== undefined
      if (!isInUse && lastSeenAt < before) this.#recent.delete(hash)
    }
  }

  #isExpired(session: Session): boolean {
    const now = this.#clock.now()
    if (session.expiresAt !== undefined && session.expiresAt <= now) return true
    const isUnused = session.inFlight === 0 && now - session.lastSeenAt > this.#rules.ttlMs
    return isUnused && this.#isClockSettled()
  }

  async #makeRoom(userId: UserId, newcomer: Newcomer): Promise<void> {
    const [{ n } = { n: 0 }] = await this.#statements.countOf(userId)
    if (n < this.#rules.perUser) return
    const rows = await this.#store.db
      .selectFrom('sessions')
      .selectAll()
      .where('user_id', '=', userId)
      .execute()
    const sessions = rows.map((row) => this.#remember(row)).filter(({ ended }) => !ended)
    const surplus = evictionOrder(sessions, newcomer, this.#clock.now()).slice(
      0,
      Math.max(0, sessions.length - this.#rules.perUser + 1)
    )
    for (const session of surplus) await this.#end(session, 'limit')
  }

  /** It ends once, by the first reason. Who ends it again waits for its row to go, which a store may have refused before. */
  async #end(session: Session, reason: EndReason): Promise<void> {
    if (!session.ended) {
      session.ended = reason
      this.#lastSeen.forget(session)
      this.#events.ended(session, reason)
      // Remembered until the row is gone: whoever read the row meanwhile finds this ended session.
      this.#recent.set(session.hash, session)
    }
    if (this.#recent.get(session.hash) !== session) return
    await (this.#ending.get(session.hash) ?? this.#remove(session))
  }

  #remove({ hash }: Session): Promise<void> {
    const removing = (async () => {
      await this.#store.db.deleteFrom('sessions').where('hash', '=', hash).execute()
      this.#recent.delete(hash)
    })().finally(() => this.#ending.delete(hash))
    this.#ending.set(hash, removing)
    return removing
  }

  /** The session, unless it ended or ends now because its time is over. */
  async #alive(hash: string): Promise<Session | undefined> {
    const session = await this.#lookUp(hash)
    if (!session || session.ended) return undefined
    if (!this.#isExpired(session)) return session
    await this.#end(session, 'expired')
    return undefined
  }

  /** What is remembered counts only while the store has it: another gateway may have ended the session. */
  async #lookUp(hash: string): Promise<Session | undefined> {
    const known = this.#recent.get(hash)
    if (!known) return this.#load(hash)
    if (known.ended) return undefined
    const row = await this.#standingOf(known)
    if (row === 'as known') return known
    if (!row) await this.#end(known, 'elsewhere')
    else if (row.user_id !== known.userId)
      Object.assign(known, ownerColumns(row), { liveIn: undefined })
    return known
  }

  /** `as known` when the database cannot be reached, and nobody but this gateway may serve the session now. */
  async #standingOf({
    hash,
    userId,
    liveIn
  }: Session): Promise<OwnerColumns | 'as known' | undefined> {
    const mayGoOn = liveIn !== undefined && this.#goesOn(userId)
    const { standing } = this.#statements
    try {
      const [row] = await (mayGoOn ? standing.soon(hash) : standing(hash))
      return row
    } catch (error) {
      if (mayGoOn && isStoreError(error) && this.#goesOn(userId)) return 'as known'
      throw error
    }
  }

  async #load(hash: string): Promise<Session | undefined> {
    const row = await this.#store.db
      .selectFrom('sessions')
      .selectAll()
      .where('hash', '=', hash)
      .executeTakeFirst()
    return row && this.#remember(row)
  }

  /** One object for each session, however many requests look for it at once. */
  #remember(row: SessionRow): Session {
    const known = this.#recent.get(row.hash)
    if (known) return known
    const session = sessionOf(row, this.#startedAt)
    this.#recent.set(session.hash, session)
    return session
  }
}

const unknown = (): GatewayError => new GatewayError('ERR_SESSION_UNKNOWN', 'Session not found')
