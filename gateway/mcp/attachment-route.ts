import type { FastifyInstance, FastifyReply } from 'fastify'
import { GatewayError } from '#shared/errors.ts'
import { onResponseClose } from '../http/on-response-close.ts'
import { presetHeaders } from '../http/preset-headers.ts'
import { isGood, type LinkParts, type LinkRoute, ledAway, workerOf } from './link-use.ts'
import type { FileTarget, OneTimeLinks } from './one-time-links.ts'
import { connectionsTo } from './worker-connections.ts'

export interface AttachmentParts extends LinkParts {
  readonly links: OneTimeLinks<FileTarget>
}

const INTERRUPTED = 'The attachment could not be fetched. Ask for a new link.'
/** Of what a worker says, no more than its name is taken (RFC 8187): a browser saves it, and does nothing else with it. */
const SAVED = /^attachment; filename\*=UTF-8''[\w!#$&+.^`|~%-]{1,2000}$/
const STATUSES: ReadonlySet<number> = new Set([200, 403, 404, 413, 502, 503])

/**
 * `GET /attachments/:ticket`: streams an attachment from its account's worker. The ticket is the permission,
 * for as long as the access it rests on; it is used up when the content has been sent, so that neither a
 * robot that looks at links with HEAD nor a broken download takes it away.
 */
export async function attachmentRoute(app: FastifyInstance, parts: AttachmentParts): Promise<void> {
  const { links } = parts
  const preHandler = ledAway(parts)
  // RFC 9110 §9.3.2: it may leave out what would only be known by making the content.
  app.head<LinkRoute>('/attachments/:ticket', { preHandler }, async (request, reply) => {
    const target = links.find(request.params.ticket)
    if (!target || !(await isGood(parts, target))) return gone(reply)
    reply.hijack()
    reply.raw.writeHead(200, { ...presetHeaders(reply), 'cache-control': 'no-store' }).end()
    return reply
  })

  const options = { preHandler, exposeHeadRoute: false }
  app.get<LinkRoute>('/attachments/:ticket', options, async (request, reply) => {
    const lent = links.lend(request.params.ticket)
    if (!lent) return gone(reply)
    onResponseClose(reply, () => {
      const isSent = reply.raw.writableFinished && reply.raw.statusCode === 200
      if (isSent) lent.used()
      else lent.giveBack()
    })
    if (!(await isGood(parts, lent.target))) return gone(reply)
    return fetchFrom(parts, lent.target, reply)
  })
}

async function fetchFrom(
  parts: AttachmentParts,
  target: FileTarget,
  reply: FastifyReply
): Promise<FastifyReply> {
  const { messageId, partId } = target
  const { worker, signal } = await workerOf(parts, target, reply)
  const answer = await connectionsTo(worker)
    .request({
      method: 'GET',
      path: `/attachment?${new URLSearchParams({ messageId, partId })}`,
      signal
    })
    .catch((cause: unknown) => {
      throw new GatewayError('ERR_WORKER_GONE', INTERRUPTED, { cause })
    })
  const { statusCode, headers, body } = answer
  reply.headers(savedOnly(statusCode, headers))
  return reply.code(STATUSES.has(statusCode) ? statusCode : 502).send(body)
}

/**
 * The headers of a worker's answer. They are the gateway's own: a worker that has fallen must not be able to give anybody
 * a page that runs in this origin, where people are signed in.
 */
function savedOnly(
  statusCode: number,
  { 'content-disposition': named, 'content-length': length }: Record<string, unknown>
): Record<string, string> {
  const isContent = statusCode === 200
  const disposition = typeof named === 'string' && SAVED.test(named) ? named : 'attachment'
  return {
    'content-type': isContent ? 'application/octet-stream' : 'text/plain; charset=utf-8',
    ...(isContent && { 'content-disposition': disposition }),
    ...(typeof length === 'string' && { 'content-length': length }),
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store'
  }
}

const gone = (reply: FastifyReply): FastifyReply =>
  reply
    .code(404)
    .type('text/plain; charset=utf-8')
    .send('This link was used before, is in use, or is too old. Ask for a new one.\n')
