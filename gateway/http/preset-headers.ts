import type { FastifyReply } from 'fastify'

/** What hooks have set, such as for pages of other origins (Fetch, CORS protocol): hijacked replies forget it. */
export const presetHeaders = (reply: FastifyReply): Record<string, string> =>
  Object.fromEntries(
    Object.entries(reply.getHeaders()).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)]]
    )
  )
