import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Metrics } from '../telemetry/metrics.ts'
import { onResponseClose } from './on-response-close.ts'
import { isModern } from './protocol-era.ts'

/**
 * Counts and times every request by the part of the gateway it went to. Must be registered before every
 * hook that may answer. A request is over when its response is closed: Fastify's own `onResponse` does not
 * come for clients that left early.
 */
export function measureRequests(app: FastifyInstance, { http }: Metrics): void {
  app.addHook('onRequest', async (request, reply) => {
    http.inFlight.inc({})
    const route = routeOf(request)
    const era = route !== 'mcp' ? 'none' : isModern(request.headers) ? 'modern' : 'legacy'
    onResponseClose(reply, () => {
      http.inFlight.dec({})
      http.requests.inc({ route, method: request.method, code: codeOf(reply), era })
      if (route === 'mcp' && request.method === 'GET') return // a stream's length is no service time
      http.seconds.observe({ route, era }, reply.elapsedTime / 1000)
    })
  })
}

/** A client that left before an answer began is the cause of that itself. */
const codeOf = ({ raw }: FastifyReply): string =>
  raw.headersSent ? `${Math.floor(raw.statusCode / 100)}xx` : '4xx'

function routeOf(request: FastifyRequest): string {
  const { url = '' } = request.routeOptions
  if (url === '/mcp') return 'mcp'
  if (url === '/health') return 'health'
  if (url.startsWith('/.well-known/')) return 'well_known'
  return url.startsWith('/oauth') ? 'oauth' : 'other'
}
