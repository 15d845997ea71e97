import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '#shared/clock.ts'
import type { RequestLog } from './request-log.ts'

/** Keeps a line for every request of the sandbox's Google side, when it is answered or its connection ends. */
export function logRequests(app: FastifyInstance, requests: RequestLog, clock: Clock): void {
  app.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.url?.startsWith('/sandbox/')) return
    let isLogged = false
    const cameAt = clock.now()
    const from = request.ip
    const log = () => {
      if (isLogged) return
      isLogged = true
      requests.add({ at: clock.now(), cameAt, from, ...describe(request, reply) })
    }
    reply.raw.once('finish', log).once('close', log)
  })
}

function describe(request: FastifyRequest, reply: FastifyReply) {
  const { config, url = 'unknown' } = request.routeOptions
  return {
    verb: request.method,
    method: config.operation ?? 'unknown',
    path: url,
    user: request.user,
    status: reply.raw.writableFinished ? reply.statusCode : 0,
    authorization: /^(\S+) /.exec(request.headers.authorization ?? '')?.[1]
  }
}
