import type { Config } from '../config/config.ts'
import type { WayOut } from '../oauth/ssrf-safe-fetch.ts'

/** Where clients learn how to sign in here (RFC 9728, section 3.1). */
export const metadataUrlOf = ({ PUBLIC_URL }: Config): string =>
  `${PUBLIC_URL}/.well-known/oauth-protected-resource/mcp`

/** How strangers' addresses are reached. */
export const wayOutOf = ({ HTTPS_PROXY: proxy, NO_PROXY: direct }: Config): WayOut => ({
  proxy,
  direct
})
