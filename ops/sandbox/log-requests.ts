import type { FastifyInstance } from 'fastify'
import type { Clock } from '#shared/clock.ts'
import type { RequestLog } from './request-log.ts'

/** Keeps a line for every answered request of the sandbox's Google side. */
export function logRequests(app: FastifyInstance, requests: RequestLog, clock: Clock): void {
  app.addHook('onResponse', async (request, reply) => {
    const { config, url } = request.routeOptions
    if (url?.startsWith('/sandbox/')) return
    requests.add({
      at: clock.now(),
      verb: request.method,
      method: config.operation ?? 'unknown',
      path: url ?? 'unknown',
      user: request.user,
      status: reply.statusCode,
      authorization: /^(\S+) /.exec(request.headers.authorization ?? '')?.[1]
    })
  })
}
