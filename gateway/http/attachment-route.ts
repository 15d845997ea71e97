import type { FastifyInstance } from 'fastify'
import { GatewayError } from '#shared/errors.ts'
import { WORKER_SECRET_HEADER } from '#shared/worker-http.ts'
import type { AttachmentLinks } from '../attachments/links.ts'
import type { Supervisor } from '../supervisor/supervisor.ts'
import { whenClosed } from './when-closed.ts'
import { poolOf } from './worker-pools.ts'

export interface AttachmentParts {
  readonly links: AttachmentLinks
  readonly supervisor: Supervisor
}

const INTERRUPTED = 'The attachment could not be fetched. Ask for a new link.'
const FROM_WORKER = ['content-type', 'content-length', 'content-disposition']

/** `GET /attachments/:ticket`: streams an attachment from its account's worker. The ticket is the permission. */
export async function attachmentRoute(
  app: FastifyInstance,
  { links, supervisor }: AttachmentParts
): Promise<void> {
  app.get<{ Params: { ticket: string } }>('/attachments/:ticket', async (request, reply) => {
    const target = links.take(request.params.ticket)
    if (!target) {
      const text = 'This link was used before or is too old. Ask for a new one.\n'
      return reply.code(404).type('text/plain; charset=utf-8').send(text)
    }
    const left = new AbortController()
    whenClosed(reply, () => left.abort())
    const lease = await supervisor.acquire(target.userId, left.signal)
    whenClosed(reply, () => lease.release())
    const { messageId, partId } = target
    const answer = await poolOf(lease.worker)
      .request({
        method: 'GET',
        path: `/attachment?${new URLSearchParams({ messageId, partId })}`,
        headers: { [WORKER_SECRET_HEADER]: lease.worker.secret },
        signal: left.signal
      })
      .catch((cause: unknown) => {
        throw new GatewayError('ERR_WORKER_GONE', INTERRUPTED, { cause })
      })
    for (const name of FROM_WORKER) {
      const value = answer.headers[name]
      if (value !== undefined) reply.header(name, value)
    }
    reply.header('cache-control', 'no-store')
    return reply.code(answer.statusCode).send(answer.body)
  })
}
