/** Every way in which a tool call can fail, as clients see it. */
export type ToolErrorCode =
  | 'confirmation_required' // the person has to agree first
  | 'declined' // the person said no
  | 'invalid_argument' // the call itself is wrong; another call may be right
  | 'needs_reauth' // Google no longer accepts this account's grant
  | 'not_offered' // the operator or the person does not let this tool be used here
  | 'not_found' // no such message, thread, label, attachment or draft
  | 'outcome_unknown' // something may or may not have been sent or made
  | 'quota_exceeded' // Google's daily limit; a retry within minutes is useless
  | 'rate_limited' // too fast; a retry after a pause works
  | 'recipient_not_allowed' // the operator does not allow this recipient
  | 'scope_insufficient' // the grant does not allow this
  | 'too_large' // over a limit of Gmail or of this server
  | 'upstream_unavailable' // Google did not answer as it should

export interface ToolErrorOptions extends ErrorOptions {
  /** Whether the same call may succeed later. Defaults to what the code implies. */
  readonly retryable?: boolean
  readonly retryAfterMs?: number
  readonly requiredScopes?: readonly string[]
}

const RETRYABLE: ReadonlySet<ToolErrorCode> = new Set(['rate_limited', 'upstream_unavailable'])

/** A failure that the client is told about. `message` is for the client's model: no tokens, no paths. */
export class ToolError extends Error {
  override readonly name = 'ToolError'
  readonly code: ToolErrorCode
  readonly retryable: boolean
  readonly retryAfterMs: number | undefined
  readonly requiredScopes: readonly string[] | undefined

  constructor(code: ToolErrorCode, message: string, options?: ToolErrorOptions) {
    super(message, options)
    this.code = code
    this.retryable = options?.retryable ?? RETRYABLE.has(code)
    this.retryAfterMs = options?.retryAfterMs
    this.requiredScopes = options?.requiredScopes
  }
}
