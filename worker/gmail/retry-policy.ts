import { type Failure, isRateLimit } from './gmail-error.ts'
import type { GmailMethod } from './mailbox.ts'

/** Requests of one call, the first one included. */
const MAX_ATTEMPTS = 5
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 16_000

/** Calls that make a new thing each time, so that a second request may do it twice. */
export const NOT_REPEATABLE: ReadonlySet<GmailMethod> = new Set([
  'messages.send',
  'drafts.send',
  'drafts.create',
  'labels.create',
  'filters.create'
])
const TRANSIENT_STATUS: ReadonlySet<number> = new Set([500, 502, 503, 504])
/** The connection was never made, so nothing can have happened. */
const NEVER_SENT: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN'])
const BROKEN_OFF: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'TimeoutError',
  'UND_ERR_SOCKET',
  'UND_ERR_CONNECT_TIMEOUT',
  'unreadable'
])

export interface Attempt {
  readonly method: GmailMethod
  readonly failure: Failure
  /** Requests made so far. */
  readonly made: number
  /** From 0 to 1. */
  readonly random: number
}

/**
 * Milliseconds to wait before the request may be made again; undefined when it must not be. Truncated exponential
 * back-off with full jitter, as Google asks for; `Retry-After` is obeyed unless it is longer than the longest pause.
 */
export function pauseBeforeRetry({ method, failure, made, random }: Attempt): number | undefined {
  if (made >= MAX_ATTEMPTS || !mayRepeat(method, failure)) return undefined
  if (failure.retryAfterMs !== undefined)
    return failure.retryAfterMs <= LONGEST_PAUSE_MS ? failure.retryAfterMs : undefined
  return Math.ceil(random * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** made))
}

/** Whether the request may have had an effect although no success was reported. */
export const isOutcomeUnknown = (failure: Failure): boolean =>
  failure.status === undefined
    ? !NEVER_SENT.has(failure.reason)
    : TRANSIENT_STATUS.has(failure.status)

function mayRepeat(method: GmailMethod, failure: Failure): boolean {
  if (isRateLimit(failure)) return true
  if (failure.status === undefined && NEVER_SENT.has(failure.reason)) return true
  if (NOT_REPEATABLE.has(method)) return false
  if (failure.status === undefined) return BROKEN_OFF.has(failure.reason)
  return TRANSIENT_STATUS.has(failure.status)
}
