/**
 * Google's client for the Gmail API over our transport. The only importer of googleapis, and of no more of it
 * than Gmail. It is large: load this file with `import()`, on the first call. (Its packages are CommonJS, whose
 * names a bundle keeps only for a static import.)
 */

import type { Duplex } from 'node:stream'
import { gmail, type gmail_v1 } from 'googleapis/build/src/apis/gmail/index.js'
import type { Bearer } from './bearer.ts'
import { fetchOver } from './dialed-fetch.ts'
import { openTransport } from './transport.ts'

/** With `dial`, every connection to Google is made by it. */
export const openApi = (
  bearer: Bearer,
  gmailOrigin: string,
  dial?: () => Promise<Duplex>
): gmail_v1.Gmail =>
  gmail({ version: 'v1', auth: openTransport(bearer, gmailOrigin, dial && fetchOver(dial)) })
