/** Every error that may leave the gateway, with the HTTP status a client sees. */
const STATUS = {
  ERR_ACCESS_ENDED: 401, // the token that a call came with was revoked, or its time was over, during the call
  ERR_ACCOUNT_BLOCKED: 403, // an operator blocked this account
  ERR_ANSWER_GONE: 410, // a call's connection was lost, and so was its answer
  ERR_BAD_REQUEST: 400, // an argument is missing or wrong; the message names it
  ERR_BODY_TOO_LARGE: 413, // the request body is over MAX_BODY
  ERR_CALL_ENDED: 503, // an operator ended this call
  ERR_CALL_TIMEOUT: 504, // the call took longer than CALL_TIMEOUT
  ERR_CONFIG: 500, // a setting is missing or wrong; the process exits with 78
  ERR_DRAINING: 503, // the gateway is about to stop; another one takes over
  ERR_FORBIDDEN: 403, // the operator's role does not allow it
  ERR_FORM: 403, // a form that was not sent by our own page
  ERR_LEASE_HELD: 503, // another gateway runs this account's worker and did not give it up in time
  ERR_LEASE_LOST: 503, // another gateway runs this account's worker now
  ERR_NEEDS_REAUTH: 401, // Google no longer accepts this account's grant
  ERR_NOT_ALLOWED: 403, // the operator's allow list does not name this account
  ERR_NOT_FOUND: 404, // the admin API knows nothing by this name
  ERR_PEER_GONE: 503, // the gateway that served this account was lost while it held this request
  ERR_QUEUE_FULL: 503, // too many requests wait for a worker
  ERR_SESSION_LIMIT: 429, // this account has too many sessions
  ERR_SESSION_UNKNOWN: 404, // unknown, ended or somebody else's; the answer does not tell which
  ERR_SIGN_IN: 400, // a sign-in is expired, was used already, or belongs to another browser
  ERR_STORE: 503, // the database cannot be written, or read; the log says why
  ERR_TOO_MANY_ATTEMPTS: 429, // this address sent too many wrong tokens
  ERR_TOO_MANY_CALLS: 429, // this account has too many calls in flight, or calls too often
  ERR_TOO_MANY_STREAMS: 429, // this account has too many open event streams
  ERR_UNAVAILABLE: 503, // a port or another thing of the machine is taken; the process exits with 69
  ERR_UPSTREAM: 502, // Google did not answer as it should
  ERR_VAULT: 500, // a stored secret cannot be opened with the keys at hand
  ERR_WORKER_BROKEN: 503, // the worker failed too often; an operator should look
  ERR_WORKER_CAPACITY: 503, // no place for another worker before the deadline
  ERR_WORKER_GONE: 503, // the worker died while it held this request
  ERR_WORKER_START: 503, // the worker did not become ready in time; a retry may help
  ERR_WORKER_STOPPING: 503 // the worker was being stopped while a request waited
} as const

export type ErrorCode = keyof typeof STATUS

export const isErrorCode = (text: string): text is ErrorCode => Object.hasOwn(STATUS, text)

/** The HTTP status that a client sees with this code. */
export const statusOfCode = (code: ErrorCode): number => STATUS[code]

export interface GatewayErrorOptions extends ErrorOptions {
  /** Seconds after which a retry makes sense; sent as `Retry-After`. */
  readonly retryAfter?: number
  /** Which of the limits that have this code it was; for metrics. */
  readonly limit?: string
}

/** The one error class of the project. `message` is for the client: no secrets, no paths, no addresses. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  readonly code: ErrorCode
  readonly statusCode: number
  readonly retryAfter: number | undefined
  readonly limit: string | undefined

  constructor(code: ErrorCode, message: string, options?: GatewayErrorOptions) {
    super(message, options)
    this.code = code
    this.statusCode = STATUS[code]
    this.retryAfter = options?.retryAfter
    this.limit = options?.limit
  }
}
