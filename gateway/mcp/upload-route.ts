import type { Readable } from 'node:stream'
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { GatewayError } from '#shared/errors.ts'
import { byteLimit } from '../http/byte-limit.ts'
import { onResponseClose } from '../http/on-response-close.ts'
import { shortBody } from '../relay/short-body.ts'
import { isGood, type LinkParts, type LinkRoute, ledAway, workerOf } from './link-use.ts'
import type { OneTimeLinks, SlotTarget } from './one-time-links.ts'
import { connectionsTo } from './worker-connections.ts'

export interface UploadParts extends LinkParts {
  readonly slots: OneTimeLinks<SlotTarget>
}

const INTERRUPTED = 'The file did not arrive. Send it again.'

/**
 * `PUT /uploads/:ticket` (or POST): streams a file to its account's worker, which attaches it to a message later. The body
 * is the file itself, whatever its type. The ticket is the permission, for as long as the access it rests on, and for one
 * file of a size: the worker takes that once, and says 201 again for the same one, whose sender may not have heard. HEAD and GET take nothing.
 */
export async function uploadRoute(app: FastifyInstance, parts: UploadParts): Promise<void> {
  const scoped: FastifyPluginAsync = async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
    scope.addHook('preHandler', ledAway(parts))
    scope.get<LinkRoute>('/uploads/:ticket', async (request, reply) => {
      const target = parts.slots.find(request.params.ticket)
      if (!target || !(await isGood(parts, target))) return gone(reply)
      return told(reply, 200, `PUT a file of ${target.size} bytes here: curl -T FILE ADDRESS`)
    })
    scope.route<LinkRoute>({
      method: ['PUT', 'POST'],
      url: '/uploads/:ticket',
      handler: async (request, reply) => take(parts, request, reply)
    })
  }
  await app.register(scoped)
}

async function take(
  parts: UploadParts,
  request: FastifyRequest<LinkRoute>,
  reply: FastifyReply
): Promise<FastifyReply> {
  const { ticket } = request.params
  const lent = parts.slots.lend(ticket)
  if (!lent) return refuse(reply, parts.slots.isLent(ticket) ? arriving : gone)
  onResponseClose(reply, () => lent.giveBack())
  if (!(await isGood(parts, lent.target))) return refuse(reply, gone)
  const { size } = lent.target
  const length = Number(request.headers['content-length'] ?? size)
  if (length !== size)
    return refuse(reply, () => told(reply, length > size ? 413 : 400, wrongSize(size)))
  return putInto(parts, lent.target, request, reply)
}

async function putInto(
  parts: UploadParts,
  target: SlotTarget,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<FastifyReply> {
  const { uploadId, size } = target
  const { worker, signal } = await workerOf(parts, target, reply)
  let arrived = 0
  const bounded = byteLimit(size, (bytes) => {
    arrived += bytes
  })
  const file = request.raw as Readable
  file.once('error', (error) => bounded.destroy(error))
  file.once('close', () => {
    if (!file.readableEnded) bounded.destroy(new Error('the client left'))
  })
  try {
    const answer = await connectionsTo(worker).request({
      method: 'PUT',
      path: `/upload?${new URLSearchParams({ uploadId })}`,
      body: file.pipe(bounded),
      signal
    })
    const text = String(await shortBody(answer.body))
    if (answer.statusCode === 404) return refuse(reply, gone)
    if (answer.statusCode === 409) return refuse(reply, arriving) // it has not seen yet that the one before is over
    return told(reply, answer.statusCode, text)
  } catch (cause) {
    if (arrived > size) return refuse(reply, () => told(reply, 413, wrongSize(size)))
    throw new GatewayError('ERR_WORKER_GONE', INTERRUPTED, { cause })
  }
}

/** The rest of the file is not wanted. */
function refuse(reply: FastifyReply, answer: (reply: FastifyReply) => FastifyReply): FastifyReply {
  reply.header('connection', 'close')
  return answer(reply)
}

const wrongSize = (size: number): string =>
  `The address is for a file of ${size} bytes. Ask for another one.`

const told = (reply: FastifyReply, status: number, line: string): FastifyReply =>
  reply
    .code(status)
    .header('cache-control', 'no-store')
    .type('text/plain; charset=utf-8')
    .send(`${line}\n`)

const arriving = (reply: FastifyReply): FastifyReply =>
  told(reply.header('retry-after', '1'), 409, 'A file is arriving here just now. Try again.')

const gone = (reply: FastifyReply): FastifyReply =>
  told(
    reply,
    404,
    'This address is too old, or never was one. Ask for a new one with create_attachment_upload.'
  )
