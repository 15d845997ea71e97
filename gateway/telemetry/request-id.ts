import { randomUUID } from 'node:crypto'

/** What may stand in a log line, a header and the audit as it is: no spaces, quotes, controls, no `@`. */
const SAFE = /^[A-Za-z0-9._:/+=-]{1,128}$/

/**
 * The name of a request, for its client, the log and the audit: the client's or proxy's own `X-Request-Id` where
 * that is short and harmless, or else a new one. Several fields come joined by a comma, and so are none.
 */
export const requestIdOf = (given: string | readonly string[] | undefined): string =>
  typeof given === 'string' && SAFE.test(given) ? given : randomUUID()
