import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { GatewayError } from '#shared/errors.ts'
import type { FileTarget, LinkTarget, OneTimeLinks } from '../attachments/one-time-links.ts'
import type { Access } from '../oauth/liveness.ts'
import type { Supervisor } from '../supervisor/supervisor.ts'
import type { AccessWatch } from './access-watch.ts'
import { setBefore } from './set-before.ts'
import { whenClosed } from './when-closed.ts'
import { poolOf } from './worker-pools.ts'

export interface AttachmentParts {
  readonly links: OneTimeLinks<FileTarget>
  readonly supervisor: Supervisor
  readonly access: AccessWatch
  /** Whether a credential would still be taken now. */
  readonly isLive: (access: Access) => Promise<boolean>
  /** Where links of other gateways are used; absent where there are none, and where requests come from one. */
  readonly leadLink?: LeadLink | undefined
}

/** Passes the use of a link on to the gateway that has given it out; resolves with whether that has answered. */
export type LeadLink = (
  request: FastifyRequest,
  reply: FastifyReply,
  ticket: string
) => Promise<boolean>

const INTERRUPTED = 'The attachment could not be fetched. Ask for a new link.'
/** Of what a worker says, no more than its name is taken (RFC 8187): a browser saves it, and does nothing else with it. */
const SAVED = /^attachment; filename\*=UTF-8''[\w!#$&+.^`|~%-]{1,2000}$/
const STATUSES: ReadonlySet<number> = new Set([200, 403, 404, 413, 502, 503])

type Asked = FastifyRequest<{ Params: { ticket: string } }>

/**
 * `GET /attachments/:ticket`: streams an attachment from its account's worker. The ticket is the permission,
 * for as long as the access it rests on; it is used up when the content has been sent, so that neither a
 * robot that looks at links with HEAD nor a broken download takes it away.
 */
export async function attachmentRoute(app: FastifyInstance, parts: AttachmentParts): Promise<void> {
  const { links } = parts
  // RFC 9110 §9.3.2: it may leave out what would only be known by making the content.
  app.head('/attachments/:ticket', async (request: Asked, reply) => {
    const { params } = request
    if (await parts.leadLink?.(request, reply, params.ticket)) return reply
    const target = links.find(params.ticket)
    if (!target || !(await isGood(parts, target))) return gone(reply)
    reply.hijack()
    reply.raw.writeHead(200, { ...setBefore(reply), 'cache-control': 'no-store' }).end()
    return reply
  })

  app.get('/attachments/:ticket', { exposeHeadRoute: false }, async (request: Asked, reply) => {
    const { params } = request
    if (await parts.leadLink?.(request, reply, params.ticket)) return reply
    const lent = links.lend(params.ticket)
    if (!lent) return gone(reply)
    whenClosed(reply, () => {
      const isSent = reply.raw.writableFinished && reply.raw.statusCode === 200
      if (isSent) lent.used()
      else lent.giveBack()
    })
    if (!(await isGood(parts, lent.target))) return gone(reply)
    return fetchFrom(parts, lent.target, reply)
  })
}

/** Whether all that a link rests on is still good; a link that rests on nothing never is. */
export const isGood = async (
  { isLive }: Pick<AttachmentParts, 'isLive'>,
  { accesses }: LinkTarget
): Promise<boolean> =>
  accesses.length > 0 && (await Promise.all(accesses.map(isLive))).every((live) => live)

async function fetchFrom(
  { supervisor, access }: AttachmentParts,
  { userId, messageId, partId, accesses }: FileTarget,
  reply: FastifyReply
): Promise<FastifyReply> {
  const left = new AbortController()
  whenClosed(reply, () => left.abort())
  for (const one of accesses) {
    const cutOff = (): void => {
      left.abort()
      reply.raw.destroy()
    }
    whenClosed(reply, access.add(one, cutOff))
  }
  const lease = await supervisor.acquire(userId, left.signal)
  whenClosed(reply, () => lease.release())
  const answer = await poolOf(lease.worker)
    .request({
      method: 'GET',
      path: `/attachment?${new URLSearchParams({ messageId, partId })}`,
      signal: left.signal
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
