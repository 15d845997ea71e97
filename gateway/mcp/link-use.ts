import type { FastifyReply, FastifyRequest, preHandlerAsyncHookHandler } from 'fastify'
import type { Access } from '../accounts/access-liveness.ts'
import { onResponseClose } from '../http/on-response-close.ts'
import type { RunningWorker, Supervisor } from '../supervisor/supervisor.ts'
import type { AccessWatch } from './access-watch.ts'
import type { LinkTarget } from './one-time-links.ts'

/** What the use of a one-time link needs, whichever way its file goes. */
export interface LinkParts {
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

/** Of a route with a link. */
export interface LinkRoute {
  readonly Params: { readonly ticket: string }
}

/** What comes before the handler: where another gateway has answered, nothing is left to do here. */
export const ledAway =
  ({ leadLink }: LinkParts): preHandlerAsyncHookHandler =>
  async (request, reply) => {
    const { ticket } = request.params as LinkRoute['Params']
    if (await leadLink?.(request, reply, ticket)) reply.hijack()
  }

/** Whether all that a link rests on is still good; a link that rests on nothing never is. */
export const isGood = async (
  { isLive }: Pick<LinkParts, 'isLive'>,
  { accesses }: LinkTarget
): Promise<boolean> =>
  accesses.length > 0 && (await Promise.all(accesses.map(isLive))).every((live) => live)

/**
 * The worker of the link's account, held until the response is over. `signal` is aborted when it is, and when access that
 * the link rests on ends; then the response is broken off. Rejects as `Supervisor.acquire`.
 */
export async function workerOf(
  { supervisor, access }: LinkParts,
  { userId, accesses }: LinkTarget,
  reply: FastifyReply
): Promise<{ readonly worker: RunningWorker; readonly signal: AbortSignal }> {
  const left = new AbortController()
  const { signal } = left
  onResponseClose(reply, () => left.abort())
  const cutOff = (): void => {
    left.abort()
    reply.raw.destroy()
  }
  for (const one of accesses) onResponseClose(reply, access.add(one, cutOff))
  const lease = await supervisor.acquire(userId, signal)
  onResponseClose(reply, () => lease.release())
  return { worker: lease.worker, signal }
}
