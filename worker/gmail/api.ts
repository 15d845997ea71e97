/**
 * Google's client for the Gmail API over our transport. The only importer of Google's package for it, which has no other API of
 * Google's. It is large: load this file with `import()`, on the first call. (Its packages are CommonJS, whose
 * names a bundle keeps only for a static import.)
 */

import { gmail, type gmail_v1 } from '@googleapis/gmail'
import type { AccessTokenCache } from './access-token-cache.ts'
import { type DialedConnections, fetchOver } from './dialed-fetch.ts'
import { openTransport } from './transport.ts'

/** With `connections`, every connection to Google is one of them. */
export const openApi = (
  bearer: AccessTokenCache,
  gmailOrigin: string,
  connections?: DialedConnections
): gmail_v1.Gmail =>
  gmail({
    version: 'v1',
    auth: openTransport(bearer, gmailOrigin, connections && fetchOver(connections))
  })
