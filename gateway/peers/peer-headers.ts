import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyRequest } from 'fastify'
import type { Caller } from '../accounts/bearer-tokens.ts'
import { REQUEST_ID } from '../http/assign-request-id.ts'
import { FROM_CLIENT } from '../mcp/worker-headers.ts'
import { CALLER_HEADER, writeCaller } from './forwarded-caller.ts'

const ALSO_FROM_CLIENT = ['traceparent', 'tracestate']

/** The headers of a client's request as another gateway gets them: what workers get, and who calls. Never a token. */
export function peerHeaders(request: FastifyRequest, caller: Caller): Record<string, string> {
  return {
    ...allowed(request.headers),
    ...(request.trace && { traceparent: request.trace.traceparent }),
    [REQUEST_ID]: request.id,
    [CALLER_HEADER]: writeCaller(caller)
  }
}

function allowed(headers: IncomingHttpHeaders): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    const isAllowed =
      FROM_CLIENT.includes(name) || ALSO_FROM_CLIENT.includes(name) || name.startsWith('mcp-param-')
    if (isAllowed && typeof value === 'string') kept[name] = value
  }
  return kept
}
