/** What an MCP client remembers of its sign-in; fits the official clients of both generations. */
export class OAuthProvider {
  readonly redirectUrl = 'http://127.0.0.1:33418/callback'
  readonly clientMetadataUrl?: string
  readonly clientMetadata = {
    client_name: 'Test assistant',
    redirect_uris: [this.redirectUrl],
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code']
  }
  /** Where the client sent its person. */
  authorizationUrl: URL | undefined
  #client: { client_id: string } | undefined
  #tokens: { access_token: string; token_type: string } | undefined
  #verifier = ''
  #discovery: { authorizationServerUrl: string } | undefined

  constructor(clientMetadataUrl?: string) {
    if (clientMetadataUrl !== undefined) this.clientMetadataUrl = clientMetadataUrl
  }

  clientInformation = () => this.#client
  saveClientInformation(client: { client_id: string }): void {
    this.#client = client
  }
  tokens = () => this.#tokens
  saveTokens(tokens: { access_token: string; token_type: string }): void {
    this.#tokens = tokens
  }
  redirectToAuthorization(url: URL): void {
    this.authorizationUrl = url
  }
  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier
  }
  codeVerifier = () => this.#verifier
  saveDiscoveryState(state: { authorizationServerUrl: string }): void {
    this.#discovery = state
  }
  discoveryState = () => this.#discovery
}
