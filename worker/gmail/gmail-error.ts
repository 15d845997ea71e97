import * as z from 'zod'
import { ToolError } from '#shared/tool-error.ts'

/** What went wrong with one HTTP request to Gmail, without deciding what to do about it. */
export interface Failure {
  /** Absent when no answer came. */
  readonly status: number | undefined
  /** Google's reason, or the network's code, e.g. `rateLimitExceeded`, `ECONNRESET`. */
  readonly reason: string
  /** Google's sentence. */
  readonly message: string
  readonly retryAfterMs: number | undefined
}

const GoogleError = z.object({
  error: z.object({
    message: z.string().catch(''),
    errors: z.array(z.object({ reason: z.string().catch('') })).catch([])
  })
})
/** Node loads all of `fetch` when the class is first named, so that must not be while the worker starts. */
const ResponseHeaders = z.custom<Headers>((value) => value instanceof Headers)

const Thrown = z.object({
  code: z.union([z.string(), z.number()]).optional().catch(undefined),
  cause: z
    .object({
      code: z.union([z.string(), z.number()]).optional().catch(undefined),
      cause: z
        .object({ code: z.string().optional().catch(undefined) })
        .optional()
        .catch(undefined)
    })
    .optional()
    .catch(undefined),
  response: z
    .object({ status: z.number(), data: z.unknown(), headers: ResponseHeaders.optional() })
    .optional()
    .catch(undefined)
})

const RATE_REASONS: ReadonlySet<string> = new Set(['rateLimitExceeded', 'userRateLimitExceeded'])
const DAILY_REASONS: ReadonlySet<string> = new Set(['dailyLimitExceeded', 'quotaExceeded'])

/** Gmail said that all is well, and what should tell of it cannot be read: cut short, or not from Gmail at all. */
export class UnreadableAnswer extends Error {
  override readonly name = 'UnreadableAnswer'
  readonly code = 'unreadable'
}

/** Reads an error that the Gmail client threw. `now` turns a dated `Retry-After` into a time to wait. */
export function readFailure(thrown: unknown, now: number): Failure {
  const { response, code, cause } = Thrown.catch({}).parse(thrown)
  if (!response) {
    const network = [cause?.cause?.code, cause?.code, code].find((each) => typeof each === 'string')
    return {
      status: undefined,
      reason: String(network ?? 'network'),
      message: '',
      retryAfterMs: undefined
    }
  }
  const { error } = GoogleError.catch({ error: { message: '', errors: [] } }).parse(response.data)
  return {
    status: response.status,
    reason: error.errors[0]?.reason || String(response.status),
    message: error.message,
    retryAfterMs: readRetryAfter(response.headers?.get('retry-after') ?? null, now)
  }
}

/** Google refused the request for its rate, before doing anything (gmail: 429, or 403 with a rate reason). */
export const isRateLimit = ({ status, reason }: Failure): boolean =>
  status === 429 || (status === 403 && RATE_REASONS.has(reason))

/** What the client is told about a failure that no retry has cured. */
export function toToolError(failure: Failure, cause: unknown): ToolError {
  const { status, reason, message, retryAfterMs } = failure
  if (isRateLimit(failure))
    return new ToolError('rate_limited', 'Gmail asks to slow down.', {
      cause,
      retryAfterMs: retryAfterMs ?? 30_000
    })
  switch (status) {
    case 400:
      return new ToolError('invalid_argument', `Gmail refused the request: ${message}`, { cause })
    case 401:
      return new ToolError(
        'needs_reauth',
        'Google no longer accepts the sign-in of this account.',
        {
          cause
        }
      )
    case 403:
      return forbidden(reason, message, cause)
    case 404:
      return new ToolError('not_found', 'Gmail does not know this id.', { cause })
    case 409:
      return new ToolError('invalid_argument', `This exists already: ${message}`, { cause })
    case 413:
      return new ToolError('too_large', 'The message is larger than Gmail accepts.', { cause })
    default:
      return new ToolError(
        'upstream_unavailable',
        `Gmail did not answer as it should (${reason}).`,
        {
          cause
        }
      )
  }
}

function forbidden(reason: string, message: string, cause: unknown): ToolError {
  if (DAILY_REASONS.has(reason))
    return new ToolError('quota_exceeded', "Google's daily limit for this account is reached.", {
      cause
    })
  if (reason === 'domainPolicy')
    return new ToolError('scope_insufficient', 'The Workspace administrator has disabled this.', {
      cause
    })
  return new ToolError('scope_insufficient', `Google does not allow this: ${message}`, { cause })
}

/** RFC 9110, section 10.2.3: seconds, or a date. */
function readRetryAfter(value: string | null, now: number): number | undefined {
  if (value === null) return undefined
  const seconds = Number(value)
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value) - now
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined
}
