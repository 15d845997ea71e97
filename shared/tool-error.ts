import type { ToolErrorCode } from './tool-error-codes.ts'

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
