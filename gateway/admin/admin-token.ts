import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** Lets only the bearer of `token` in; the comparison takes the same time whatever is given. */
export function adminToken(token: string) {
  const expected = digest(token)
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    // The scheme may be written in any case (RFC 9110 §11.1).
    const [, bearer = ''] = /^Bearer (.*)$/i.exec(request.headers.authorization ?? '') ?? []
    const given = digest(bearer)
    if (timingSafeEqual(given, expected)) return
    await reply
      .code(401)
      .header('www-authenticate', 'Bearer realm="ops"')
      .send({ error: { code: 'ERR_UNAUTHORIZED', message: 'Send ADMIN_TOKEN as a bearer token.' } })
  }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
