import type { Clock } from '#shared/clock.ts'
import { errorEvent, noteFailure, rpcErrorOf, sendRpcError } from '../http/json-rpc-error.ts'
import { whenClosed } from '../http/on-response-close.ts'
import { gatewayGone, type LeadBack } from '../mcp/resume-call.ts'
import { headersToClient } from '../mcp/worker-headers.ts'
import type { HeldBytes } from '../relay/buffered-bytes.ts'
import { toldId } from '../relay/call-event-id.ts'
import { relayAnswer } from '../relay/relay-answer.ts'
import { Outlet } from '../relay/response-writer.ts'
import { tagOf } from './instance-tag.ts'
import { type PeerPools, PeerUnreachable } from './peer-connections.ts'
import { headersToPeer } from './peer-headers.ts'
import type { Peer, PeerRoutes } from './peer-routing.ts'

export interface WayBackParts {
  readonly routes: Pick<PeerRoutes, 'list' | 'isReached' | 'notReached'>
  readonly pools: PeerPools
  readonly held: HeldBytes
  readonly clock: Clock
}

/** A gateway that begins no answer by then is taken for gone: with the client's own second, that is less than two. */
const PATIENCE_MS = 800

/** Passes a client that has lost the stream of its call's answer on to the gateway that serves the call. */
export function createWayBack(parts: WayBackParts): LeadBack {
  const { routes } = parts
  return async (call, request, reply) => {
    const { caller } = request
    const peer = routes.list().find(({ id }) => tagOf(id) === call.node)
    if (!caller || !peer || !routes.isReached(peer.id)) return false
    const abort = new AbortController()
    whenClosed(reply, () => abort.abort())
    const answer = await ask(parts, peer, headersToPeer(request, caller), abort)
    if (!answer) return reply.raw.closed
    request.isPassedOn = true
    reply.code(answer.statusCode).headers(headersToClient(answer.headers))
    await relayAnswer(reply, answer.body, {
      outlet: new Outlet(reply.raw, parts.held, caller.userId),
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
  { pools, routes, clock }: WayBackParts,
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
