/** What is in flight, since when, and how to end it. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import * as z from 'zod'
import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import type { Accounts } from '../accounts/accounts.ts'
import type { Exchange, Exchanges } from '../http/exchange.ts'
import { type ChangeParts, change, iso, read } from './answers.ts'

export interface CallParts extends ChangeParts {
  readonly accounts: Accounts
  readonly exchanges: Exchanges
  readonly clock: Clock
}

const Selection = z.strictObject({
  call: z.string().max(64).optional(),
  session: z.string().max(64).optional(),
  worker: z.string().max(64).optional(),
  /** Google's `sub` or an address. */
  user: z.string().max(320).optional(),
  client: z.string().max(2000).optional(),
  tool: z.string().max(100).optional(),
  /** Seconds that it has been in flight, at least. */
  olderThan: z.coerce.number().min(0).optional()
})
type Selection = z.infer<typeof Selection>

/** `GET /admin/calls` and `DELETE /admin/calls`, with one and the same selection. */
export async function callRoutes(app: FastifyInstance, parts: CallParts): Promise<void> {
  app.get('/admin/calls', async (request) => {
    const selected = await select(parts, read(Selection, request.query))
    return { calls: selected.map((exchange) => viewCall(parts, exchange)) }
  })
  app.delete('/admin/calls', async (request) => end(parts, request))
}

/** Ends calls, not the workers that serve them; each client gets its error at once. */
async function end(parts: CallParts, request: FastifyRequest): Promise<object> {
  const selection = read(Selection, request.query)
  if (Object.keys(selection).length === 0) {
    throw new GatewayError(
      'ERR_BAD_REQUEST',
      'Say which calls: call, session, worker, user, client, tool or olderThan.'
    )
  }
  const selected = await select(parts, selection)
  const ended = selected.map((exchange) => viewCall(parts, exchange))
  const target = Object.entries(selection)
    .map(([name, value]) => (name === 'user' ? 'user' : `${name}=${value}`))
    .join(' ')
  await change(parts, request, { action: 'kill_calls', target }, async () => {
    const why = new GatewayError('ERR_CALL_ENDED', 'An operator ended this call.')
    for (const { abort } of selected) abort.abort(why)
  })
  return { ended }
}

async function select(
  { exchanges, accounts, clock }: CallParts,
  { call, session, worker, user, client, tool, olderThan }: Selection
): Promise<Exchange[]> {
  const userId = user === undefined ? undefined : ((await accounts.named(user))?.userId ?? user)
  const matches = (wanted: string | undefined, is: string | undefined): boolean =>
    wanted === undefined || wanted === is
  return exchanges
    .all()
    .filter(
      (exchange) =>
        matches(call, exchange.id) &&
        matches(session, exchange.session?.handle) &&
        matches(worker, exchange.worker.id) &&
        matches(userId, exchange.caller.userId) &&
        matches(client, exchange.caller.clientId) &&
        (tool === undefined || exchange.calls.some((one) => one.tool === tool)) &&
        secondsIn(clock, exchange) >= (olderThan ?? 0)
    )
}

const viewCall = ({ clock }: CallParts, exchange: Exchange): object => {
  const [first] = exchange.calls
  return {
    call: exchange.id,
    method: first?.method ?? null,
    tool: first?.tool ?? null,
    messages: exchange.calls.length,
    seconds: secondsIn(clock, exchange),
    startedAt: iso(exchange.startedAt),
    userId: exchange.caller.userId,
    client: exchange.caller.clientId,
    session: exchange.session?.handle ?? null,
    worker: exchange.worker.id
  }
}

const secondsIn = (clock: Clock, { since }: Exchange): number =>
  Math.round(clock.monotonic() - since) / 1000
