/** A refusal of the token, revocation or userinfo endpoint (RFC 6749 §5.2). */
export class OAuthError extends Error {
  override readonly name = 'OAuthError'
  readonly statusCode: number
  readonly error: string

  constructor(statusCode: number, error: string, description: string) {
    super(description)
    this.statusCode = statusCode
    this.error = error
  }

  toJSON() {
    return { error: this.error, error_description: this.message }
  }
}
