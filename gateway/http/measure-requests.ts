import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Metrics } from '../telemetry/metrics.ts'

/** Counts and times every request by the part of the gateway it went to. */
export function measureRequests(app: FastifyInstance, { http }: Metrics): void {
  app.addHook('onRequest', async () => http.inFlight.inc({}))
  app.addHook('onResponse', async (request, reply) => {
    const route = routeOf(request)
    const era = route === 'mcp' ? eraOf(request) : 'none'
    const code = `${Math.floor(reply.statusCode / 100)}xx`
    http.inFlight.dec({})
    http.requests.inc({ route, method: request.method, code, era })
    http.seconds.observe({ route, era }, reply.elapsedTime / 1000)
  })
}

function routeOf(request: FastifyRequest): string {
  const { url = '' } = request.routeOptions
  if (url === '/mcp') return 'mcp'
  if (url === '/health') return 'health'
  if (url.startsWith('/.well-known/')) return 'well_known'
  return url.startsWith('/oauth') ? 'oauth' : 'other'
}

const eraOf = (request: FastifyRequest): string =>
  String(request.headers['mcp-protocol-version'] ?? '') >= '2026' ? 'modern' : 'legacy'
