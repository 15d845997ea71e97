/** A Google access token and when it ends, in milliseconds since the Unix epoch. */
export interface AccessToken {
  readonly accessToken: string
  readonly expiresAt: number
}

/** Where this account's access tokens come from. */
export interface AccessTokens {
  /**
   * A token that is valid now. `force` asks for another one than before, after Google refused it with 401.
   * Throws a ToolError: `needs_reauth` when the grant is gone, `upstream_unavailable` when Google is.
   */
  get(force: boolean): Promise<AccessToken>
}
