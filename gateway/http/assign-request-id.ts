import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { requestIdOf } from '../telemetry/request-id.ts'

export const REQUEST_ID = 'x-request-id'

/** Fastify's `genReqId`: `request.id` is what the client, the log and the audit call the request. */
export const assignRequestId = ({ headers }: Pick<IncomingMessage, 'headers'>): string =>
  requestIdOf(headers[REQUEST_ID])

/**
 * Says the request's id in every response. On the raw response, so that it is there whoever writes the answer:
 * Fastify, the OAuth server, or a stream that was taken out of Fastify's hands. Must come before every other hook.
 */
export function answerWithNames(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.raw.setHeader(REQUEST_ID, request.id)
    done()
  })
}
