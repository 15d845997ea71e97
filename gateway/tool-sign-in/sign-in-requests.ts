import { createHash, randomBytes } from 'node:crypto'
import type { AccessLevel } from '#shared/access-levels.ts'
import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import type { UserId } from '#shared/ids.ts'
import type { SignInStatus } from '#shared/sign-in-protocol.ts'
import type { GoogleResult } from '../sign-in/admit-account.ts'
import { isUserCode, newUserCode } from './user-code.ts'

/** How long a link may wait, a visit at Google may take, and then a code is good. */
const LIFE_MS = 10 * 60_000
/** How long it is remembered how a sign-in came out. */
const MEMORY_MS = 10 * 60_000
const WRONG_CODES = 5
const MOST = 1000

type State =
  | { readonly phase: 'linked' } // nobody has followed the link to its end
  | { readonly phase: 'visiting' } // a browser has gone to Google; the link is used up
  | {
      readonly phase: 'held' // Google said yes; the code is missing
      readonly arrival: GoogleResult
      readonly code: string
      readonly wrongCodes: number
    }
  | { readonly phase: Outcome }

type Outcome = 'authenticated' | 'denied' | 'expired' | 'wrong_account'

/** What somebody asked for with a sign-in tool. */
export interface SignInIntent {
  /** Who asked: a session, or outside of sessions a person. */
  readonly owner: string
  readonly level: AccessLevel
  /** Whose session it is already; only this person may then sign in. */
  readonly person: UserId | undefined
  /** What the client calls itself. */
  readonly clientName: string
  readonly loginHint: string | undefined
  /** Whether whoever asked could still use the answer: its session and its token are alive. Yes when missing. */
  readonly isWanted?: () => Promise<boolean>
}

export interface SignInRequest {
  readonly id: string
  readonly wish: SignInIntent
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
  readonly status: SignInStatus
}

export type Redeemed =
  | { readonly kind: 'right'; readonly arrival: GoogleResult }
  | { readonly kind: 'wrong'; readonly triesLeft: number }
  /** There is no code to be given now, or no more. */
  | { readonly kind: 'none' }

interface Entry extends SignInRequest {
  readonly linkHash: string
  expiresAt: number
  state: State
  readonly waiting: Set<() => void>
  cancel: () => void
}

export interface SignInRequestsParts {
  readonly clock: Clock
  /** What links and ids end with, by which other gateways know whose they are; absent where there are none. */
  readonly tag?: string | undefined
  /** What Google gave will not be used: the person's access at Google should not outlive that. */
  readonly discard: (arrival: GoogleResult) => void
}

/**
 * The sign-ins that began with a tool, in memory: a restart forgets them, and people ask for another link.
 * What Google gave is held here, and connects nothing, until the session that asked gives the code back.
 */
export class SignInRequests {
  readonly #parts: SignInRequestsParts
  readonly #byId = new Map<string, Entry>()

  constructor(parts: SignInRequestsParts) {
    this.#parts = parts
  }

  /** A new request and its link's secret; an earlier one of the same owner dies. Throws ERR_QUEUE_FULL. */
  begin(wish: SignInIntent): { request: SignInRequest; link: string } {
    for (const entry of this.#byId.values()) if (entry.wish.owner === wish.owner) this.#drop(entry)
    if (this.#byId.size >= MOST) {
      throw new GatewayError('ERR_QUEUE_FULL', 'Too many people sign in; try again.', {
        retryAfter: 60
      })
    }
    const { tag } = this.#parts
    const ending = tag === undefined ? '' : `.${tag}`
    const link = `${randomBytes(24).toString('base64url')}${ending}`
    const entry: Entry = {
      id: `${randomBytes(9).toString('base64url')}${ending}`,
      linkHash: hashOf(link),
      wish,
      expiresAt: 0,
      state: { phase: 'linked' },
      waiting: new Set(),
      cancel() {},
      get status() {
        return statusOf(this.state)
      }
    }
    this.#byId.set(entry.id, entry)
    this.#arm(entry)
    return { request: entry, link }
  }

  /** The request of a link that nobody has used yet. */
  behind(link: string): SignInRequest | undefined {
    const hash = hashOf(link)
    return [...this.#byId.values()].find(
      ({ linkHash, state }) => linkHash === hash && state.phase === 'linked'
    )
  }

  /** The link is used: somebody goes to Google. False when somebody was faster. */
  depart(id: string): boolean {
    return this.#move(id, 'linked', { phase: 'visiting' })
  }

  /** Google could not be reached: the link may be used once more. */
  comeBack(id: string): void {
    this.#move(id, 'visiting', { phase: 'linked' })
  }

  /** The request of a browser that comes back from Google. */
  visiting(id: string): SignInRequest | undefined {
    const entry = this.#byId.get(id)
    return entry?.state.phase === 'visiting' ? entry : undefined
  }

  /** The person or the gateway said no; `unused` is what Google gave all the same. */
  refuse(id: string, outcome: 'denied' | 'wrong_account', unused?: GoogleResult): void {
    const entry = this.#byId.get(id)
    if (entry && isOpen(entry.state)) this.#change(entry, { phase: outcome })
    if (unused) this.#parts.discard(unused)
  }

  /** Keeps what Google gave; the code that is answered goes to the person's page, and nowhere else. */
  hold(id: string, arrival: GoogleResult): string | undefined {
    const code = newUserCode()
    const isHeld = this.#move(id, 'visiting', { phase: 'held', arrival, code, wrongCodes: 0 })
    return isHeld ? code : undefined
  }

  /** Gives what is held for the right code, once. Five wrong ones end the request. */
  redeem(owner: string, id: string | undefined, given: string): Redeemed {
    const entry = this.#find(owner, id)
    if (entry?.state.phase !== 'held') return { kind: 'none' }
    const { arrival, code, wrongCodes } = entry.state
    if (isUserCode(code, given)) {
      entry.state = { phase: 'authenticated' } // not a change yet: the session must follow first
      return { kind: 'right', arrival }
    }
    const triesLeft = WRONG_CODES - wrongCodes - 1
    if (triesLeft > 0) entry.state = { ...entry.state, wrongCodes: wrongCodes + 1 }
    else this.#change(entry, { phase: 'denied' })
    return { kind: 'wrong', triesLeft }
  }

  /** What became of a redeemed request; `unused` is what Google gave and nobody took. */
  settle(
    owner: string,
    outcome: 'authenticated' | 'denied' | 'wrong_account',
    unused?: GoogleResult
  ): void {
    const entry = this.#find(owner, undefined)
    if (entry) this.#change(entry, { phase: outcome })
    if (unused) this.#parts.discard(unused)
  }

  of(owner: string, id: string | undefined): SignInRequest | undefined {
    return this.#find(owner, id)
  }

  /** Resolves when a request that is under way changes, or after `ms`; at once when none is. */
  async change(owner: string, id: string | undefined, ms: number): Promise<void> {
    const entry = this.#find(owner, id)
    if (!entry || ms === 0 || entry.status !== 'pending') return
    const { promise, resolve } = Promise.withResolvers<void>()
    entry.waiting.add(resolve)
    const cancel = this.#parts.clock.after(ms, resolve)
    await promise
    cancel()
    entry.waiting.delete(resolve)
  }

  /** Forgets everything. May be called more than once. */
  close(): void {
    for (const entry of this.#byId.values()) this.#drop(entry)
  }

  #find(owner: string, id: string | undefined): Entry | undefined {
    return [...this.#byId.values()].find(
      (entry) => entry.wish.owner === owner && (id === undefined || entry.id === id)
    )
  }

  #move(id: string, from: State['phase'], to: State): boolean {
    const entry = this.#byId.get(id)
    if (entry?.state.phase !== from) return false
    this.#change(entry, to)
    return true
  }

  #change(entry: Entry, to: State): void {
    const { state } = entry
    entry.state = to
    this.#arm(entry)
    if (state.phase === 'held') this.#parts.discard(state.arrival)
    if (entry.status !== 'pending') for (const wake of entry.waiting) wake()
  }

  #arm(entry: Entry): void {
    const { clock } = this.#parts
    const open = isOpen(entry.state)
    const ms = open ? LIFE_MS : MEMORY_MS
    entry.cancel()
    entry.expiresAt = clock.now() + ms
    entry.cancel = clock.after(ms, () =>
      open ? this.#change(entry, { phase: 'expired' }) : this.#drop(entry)
    )
  }

  #drop(entry: Entry): void {
    entry.cancel()
    this.#byId.delete(entry.id)
    if (entry.state.phase === 'held') this.#parts.discard(entry.state.arrival)
    entry.state = { phase: 'expired' }
    for (const wake of entry.waiting) wake()
  }
}

const isOpen = ({ phase }: State): boolean =>
  phase === 'linked' || phase === 'visiting' || phase === 'held'

function statusOf({ phase }: State): SignInStatus {
  if (phase === 'linked' || phase === 'visiting') return 'pending'
  return phase === 'held' ? 'code_required' : phase
}

/** The link has 192 random bits, so a plain hash is enough. */
const hashOf = (link: string): string => createHash('sha256').update(link).digest('base64url')
