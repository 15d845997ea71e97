import type { Clock } from '#shared/clock.ts'
import { errorEvent, noteFailure, rpcErrorOf, sendRpcError } from '../http/json-rpc-error.ts'
import { onResponseClose } from '../http/on-response-close.ts'
import { gatewayGone, type LeadBack } from '../mcp/resume-call.ts'
import { headersToClient } from '../mcp/worker-headers.ts'
import type { BufferedBytes } from '../relay/buffered-bytes.ts'
import { toldId } from '../relay/call-event-id.ts'
import { relayAnswer } from '../relay/relay-answer.ts'
import { ResponseWriter } from '../relay/response-writer.ts'
import { instanceTag } from './instance-tag.ts'
import { type PeerConnections, PeerUnreachable } from './peer-connections.ts'
import { peerHeaders } from './peer-headers.ts'
import type { Peer, PeerRouting } from './peer-routing.ts'

export interface ForwardResumeParts {
  readonly routes: Pick<PeerRouting, 'list' | 'isReached' | 'notReached'>
  readonly pools: PeerConnections
  readonly held: BufferedBytes
  readonly clock: Clock
}

/** A gateway that begins no answer by then is taken for gone: with the client's own second, that is less than two. */
const PATIENCE_MS = 800

/** Passes a client that has lost the stream of its call's answer on to the gateway that serves the call. */
export function createResumeForwarder(parts: ForwardResumeParts): LeadBack {
  const { routes } = parts
  return async (call, request, reply) => {
    const { caller } = request
    const peer = routes.list().find(({ id }) => instanceTag(id) === call.node)
    if (!caller || !peer || !routes.isReached(peer.id)) return false
    const abort = new AbortController()
    onResponseClose(reply, () => abort.abort())
    const answer = await ask(parts, peer, peerHeaders(request, caller), abort)
    if (!answer) return reply.raw.closed
    request.isPassedOn = true
    reply.code(answer.statusCode).headers(headersToClient(answer.headers))
    await relayAnswer(reply, answer.body, {
      outlet: new ResponseWriter(reply.raw, parts.held, caller.userId),
      passed() {},
      async fail() {
        sendRpcError(reply, gatewayGone(), call.rpcId)
      },
      async endStream(to) {
        noteFailure(request, gatewayGone())
        const eventId = toldId(String(request.headers['last-event-id']))
        to.write(errorEvent(rpcErrorOf(gatewayGone(), call.rpcId, request.id), eventId))
      }
    })
    return true
  }
}

/** Undefined when the gateway does not answer in time. */
async function ask(
  { pools, routes, clock }: ForwardResumeParts,
  peer: Peer,
  headers: Record<string, string>,
  abort: AbortController
) {
  const cancel = clock.after(PATIENCE_MS, () => abort.abort())
  try {
    const { signal } = abort
    return await pools.to(peer.url).request({ method: 'GET', path: '/mcp', headers, signal })
  } catch (error) {
    if (error instanceof PeerUnreachable) routes.notReached(peer)
    return undefined
  } finally {
    cancel()
  }
}
