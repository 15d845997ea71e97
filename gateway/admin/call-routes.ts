/** What is in flight, since when, and how to end it. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type * as z from 'zod'
import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import type { Accounts } from '../accounts/accounts.ts'
import { cancelCalls } from '../mcp/cancel-calls.ts'
import type { Exchange, Exchanges } from '../relay/exchange.ts'
import { type ChangeParts, change, iso } from './answers.ts'
import { implementWhole, type NodesParts } from './nodes.ts'
import { killCalls, listCalls } from './verbs/calls.ts'

export interface CallParts extends ChangeParts, NodesParts {
  readonly accounts: Accounts
  readonly exchanges: Exchanges
  readonly clock: Clock
}

type Selection = z.infer<typeof listCalls.query>
type View = z.infer<typeof listCalls.answer>['calls'][number]

/** `GET /admin/calls` and `DELETE /admin/calls`, with one and the same selection. */
export function callRoutes(app: FastifyInstance, parts: CallParts): void {
  implementWhole(
    app,
    listCalls,
    parts,
    async ({ query }) => ({ calls: await viewAll(parts, await select(parts, query)) }),
    {
      merge: (answers) => ({
        calls: answers.flatMap(({ calls }) => calls).toSorted((a, b) => b.seconds - a.seconds)
      })
    }
  )
  implementWhole(app, killCalls, parts, ({ query, request }) => end(parts, query, request), {
    merge: (answers) => ({ ended: answers.flatMap(({ ended }) => ended) }),
    action: 'kill_calls'
  })
}

/** Ends calls, not the workers that serve them: each client gets its error at once, each tool is cancelled. */
async function end(parts: CallParts, selection: Selection, request: FastifyRequest) {
  if (Object.keys(selection).length === 0) {
    throw new GatewayError(
      'ERR_BAD_REQUEST',
      'Say which calls: call, session, worker, user, client, tool or olderThan.'
    )
  }
  const selected = await select(parts, selection)
  const ended = await viewAll(parts, selected)
  const target = Object.entries(selection)
    .map(([name, value]) => (name === 'user' ? 'user' : `${name}=${value}`))
    .join(' ')
  await change(parts, request, { action: 'kill_calls', target }, async () => {
    const why = new GatewayError('ERR_CALL_ENDED', 'An operator ended this call.')
    for (const exchange of selected) cancelCalls(exchange, why)
  })
  return { ended }
}

async function select(
  { exchanges, accounts, clock }: CallParts,
  { call, session, worker, user, client, tool, olderThan }: Selection
): Promise<Exchange[]> {
  const userId = user === undefined ? undefined : ((await accounts.named(user))?.userId ?? user)
  const matches = (wanted: string | undefined, ...is: (string | undefined)[]): boolean =>
    wanted === undefined || is.includes(wanted)
  return exchanges
    .all()
    .filter(
      (exchange) =>
        matches(call, exchange.id) &&
        matches(session, exchange.session?.handle) &&
        matches(worker, exchange.worker.id) &&
        matches(userId, exchange.caller.userId) &&
        matches(client, exchange.caller.clientId, clientNameOf(exchange)) &&
        matches(tool, ...exchange.calls.map((one) => one.tool)) &&
        secondsIn(clock, exchange) >= (olderThan ?? 0)
    )
}

async function viewAll(
  { accounts, clock, nodeName: node }: CallParts,
  exchanges: readonly Exchange[]
): Promise<View[]> {
  const emails = await accounts.addresses(exchanges.map(({ caller }) => caller.userId))
  return exchanges.map((exchange) => {
    const [first] = exchange.calls
    return {
      call: exchange.id,
      method: first?.method ?? null,
      tool: first?.tool ?? null,
      messages: exchange.calls.length,
      seconds: secondsIn(clock, exchange),
      startedAt: iso(exchange.startedAt),
      userId: exchange.caller.userId,
      email: emails.get(exchange.caller.userId) ?? null,
      client: exchange.caller.clientId,
      clientName: clientNameOf(exchange) ?? null,
      session: exchange.session?.handle ?? null,
      worker: exchange.worker.id,
      node
    }
  })
}

const clientNameOf = ({ session }: Exchange): string | undefined =>
  session?.initialize.clientInfo.name

const secondsIn = (clock: Clock, { since }: Exchange): number =>
  Math.round(clock.monotonic() - since) / 1000
