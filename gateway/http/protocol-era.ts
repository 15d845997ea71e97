import type { IncomingHttpHeaders } from 'node:http'

/** From this protocol revision on requests stand alone: no sessions, no GET stream (MCP 2026-07-28). */
const FIRST_MODERN_REVISION = '2026-07-28'
const REVISION = /^\d{4}-\d{2}-\d{2}$/

/** Whether a request's headers name a revision of MCP in which requests stand alone. */
export function isModern(headers: IncomingHttpHeaders): boolean {
  const revision = headers['mcp-protocol-version']
  return (
    typeof revision === 'string' && REVISION.test(revision) && revision >= FIRST_MODERN_REVISION
  )
}
