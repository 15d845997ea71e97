import { STATUS_CODES } from 'node:http'

/** What Google puts into an error answer, by the word that clients act on. */
const REASONS = {
  required: [401, 'UNAUTHENTICATED'],
  authError: [401, 'UNAUTHENTICATED'],
  insufficientPermissions: [403, 'PERMISSION_DENIED'],
  forbidden: [403, 'PERMISSION_DENIED'],
  rateLimitExceeded: [403, 'RESOURCE_EXHAUSTED'],
  tooManyRequests: [429, 'RESOURCE_EXHAUSTED'],
  invalidArgument: [400, 'INVALID_ARGUMENT'],
  invalid: [400, 'INVALID_ARGUMENT'],
  parseError: [400, 'INVALID_ARGUMENT'],
  failedPrecondition: [400, 'FAILED_PRECONDITION'],
  notFound: [404, 'NOT_FOUND'],
  aborted: [409, 'ABORTED'],
  uploadTooLarge: [413, 'INVALID_ARGUMENT'],
  internalError: [500, 'INTERNAL'],
  backendError: [503, 'UNAVAILABLE']
} as const

export type GoogleReason = keyof typeof REASONS

/** A refusal by the sandbox's Gmail, answered in the exact shape of Google's errors. */
export class GoogleError extends Error {
  override readonly name = 'GoogleError'
  readonly reason: GoogleReason
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>

  constructor(reason: GoogleReason, message: string, headers: Record<string, string> = {}) {
    super(message)
    this.reason = reason
    this.statusCode = REASONS[reason][0]
    this.headers = headers
  }

  /** The answer's JSON body. */
  toJSON() {
    const reason = this.reason === 'tooManyRequests' ? 'rateLimitExceeded' : this.reason
    const isLogin = this.statusCode === 401
    return {
      error: {
        code: this.statusCode,
        message: this.message,
        errors: [
          {
            message: SHORT_MESSAGES[this.reason] ?? this.message,
            domain: DOMAINS[this.reason] ?? 'global',
            reason,
            ...(isLogin ? { location: 'Authorization', locationType: 'header' } : {})
          }
        ],
        status: REASONS[this.reason][1],
        ...(this.reason === 'insufficientPermissions' ? { details: SCOPE_DETAILS } : {})
      }
    }
  }
}

/** Google's `errors[0].message` differs from the message only for these. */
const SHORT_MESSAGES: Partial<Record<GoogleReason, string>> = {
  required: 'Login Required.',
  authError: 'Invalid Credentials',
  insufficientPermissions: 'Insufficient Permission'
}

const DOMAINS: Partial<Record<GoogleReason, string>> = {
  rateLimitExceeded: 'usageLimits',
  tooManyRequests: 'usageLimits'
}

const SCOPE_DETAILS = [
  {
    '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
    reason: 'ACCESS_TOKEN_SCOPE_INSUFFICIENT',
    domain: 'googleapis.com',
    metadata: { service: 'gmail.googleapis.com' }
  }
]

export const notFound = () => new GoogleError('notFound', 'Requested entity was not found.')
export const invalid = (message: string) => new GoogleError('invalidArgument', message)

/** The HTML that Google's front end answers for a path that no API serves. */
export const unknownUrlPage = (status: number) =>
  `<!DOCTYPE html><title>Error ${status} (${STATUS_CODES[status] ?? ''})</title><p><b>${status}.</b> That’s an error.`
