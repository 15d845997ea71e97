import type { Clock } from '#shared/clock.ts'
import { toldId } from '../http/call-event-id.ts'
import type { HeldBytes } from '../http/held-bytes.ts'
import { Outlet } from '../http/outlet.ts'
import { relayAnswer } from '../http/relay-answer.ts'
import { gatewayGone, type LeadBack } from '../http/resume-call.ts'
import { errorEvent, noteFailure, rpcErrorOf, sendRpcError } from '../http/rpc-error.ts'
import { whenClosed } from '../http/when-closed.ts'
import { headersToClient } from '../http/worker-headers.ts'
import { headersToPeer } from './headers-to-peer.ts'
import { tagOf } from './node-tag.ts'
import { type PeerPools, PeerUnreachable } from './peer-pools.ts'
import type { Peer, PeerRoutes } from './peer-routes.ts'

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
