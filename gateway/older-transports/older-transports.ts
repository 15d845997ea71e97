import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import type { Clock } from '#shared/clock.ts'
import type { Config } from '../config/config.ts'
import type { AccessWatch } from '../mcp/access-watch.ts'
import type { CallerLimits } from '../mcp/caller-limits.ts'
import { longTurns } from './bridge.ts'
import { Loopback } from './loopback.ts'
import { sseTransport } from './sse-transport.ts'
import { webSocketTransport } from './websocket-transport.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Ends the connections of the older transports. May be called more than once. */
    endOldTransports(): void
  }
}

export interface OlderTransportsParts {
  readonly config: Pick<Config, 'HTTP_SSE' | 'WEBSOCKET' | 'MAX_BODY'>
  readonly clock: Clock
  readonly limits: CallerLimits
  readonly access: AccessWatch
}

/**
 * The transports that clients used before Streamable HTTP, each where its setting is on. Gives the routes that
 * belong to where callers are authenticated.
 */
export function olderTransports(
  app: FastifyInstance,
  { config, clock, limits, access }: OlderTransportsParts
): FastifyPluginAsync {
  const shared = { clock, loopback: new Loopback(app.server), turn: longTurns() }
  const endings: (() => void)[] = []
  app.decorate('endOldTransports', () => {
    for (const end of endings) end()
  })
  if (config.WEBSOCKET)
    endings.push(webSocketTransport(app.server, { ...shared, maxBody: config.MAX_BODY }))
  return async (scope) => {
    if (config.HTTP_SSE) endings.push(await sseTransport(scope, { ...shared, limits, access }))
  }
}
