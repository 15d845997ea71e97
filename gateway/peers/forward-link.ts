import { pipeline } from 'node:stream/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { GatewayError } from '#shared/errors.ts'
import { REQUEST_ID } from '../http/assign-request-id.ts'
import { onResponseClose } from '../http/on-response-close.ts'
import { presetHeaders } from '../http/preset-headers.ts'
import type { LeadLink } from '../mcp/link-use.ts'
import { instanceTag, tagIn } from './instance-tag.ts'
import { type PeerConnections, PeerUnreachable } from './peer-connections.ts'
import type { Peer } from './peer-routing.ts'

export interface ForwardLinkParts {
  readonly pools: PeerConnections
  readonly peers: () => readonly Peer[]
  readonly notReached: (peer: Peer) => void
}

const THERE = ['content-type', 'content-length']
const BACK = [
  'content-type',
  'content-length',
  'content-disposition',
  'cache-control',
  'retry-after'
]

/**
 * Passes the use of a one-time link on to the gateway that has given it out, which knows what it is good for. Its ticket
 * names that gateway; where that is gone, so is the link.
 */
export function createLinkForwarder({ pools, peers, notReached }: ForwardLinkParts): LeadLink {
  return async (request, reply, ticket) => {
    const tag = tagIn(ticket)
    const peer = tag === undefined ? undefined : peers().find(({ id }) => instanceTag(id) === tag)
    if (!peer) return false
    try {
      await pass(pools, peer, request, reply)
    } catch (cause) {
      if (cause instanceof PeerUnreachable) notReached(peer)
      if (!reply.raw.headersSent && !reply.raw.closed)
        throw new GatewayError('ERR_PEER_GONE', INTERRUPTED, { cause, retryAfter: 1 })
    }
    return true
  }
}

const INTERRUPTED = 'The gateway that gave this address out is not reached. Try again.'

async function pass(
  pools: PeerConnections,
  { url }: Peer,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<void> {
  const left = new AbortController()
  onResponseClose(reply, () => left.abort())
  const method = (['GET', 'HEAD', 'PUT'] as const).find((one) => one === request.method) ?? 'POST'
  const hasBody = method === 'PUT' || method === 'POST'
  const answer = await pools.to(url).request({
    method,
    path: request.url,
    headers: { ...only(THERE, request.headers), [REQUEST_ID]: request.id },
    ...(hasBody && { body: request.raw }),
    signal: left.signal
  })
  request.isPassedOn = true
  reply.hijack()
  const close = request.raw.readableEnded || !hasBody ? {} : { connection: 'close' }
  const headers = { ...presetHeaders(reply), ...only(BACK, answer.headers), ...close }
  reply.raw.writeHead(answer.statusCode, headers)
  await pipeline(answer.body, reply.raw)
}

const only = (
  names: readonly string[],
  headers: Readonly<Record<string, string | string[] | undefined>>
): Record<string, string> =>
  Object.fromEntries(
    names.flatMap((name) => {
      const value = headers[name]
      return typeof value === 'string' ? [[name, value]] : []
    })
  )
