/** Worker processes: which there are, and their end. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type * as z from 'zod'
import type { Clock } from '#shared/clock.ts'
import type { Accounts } from '../accounts/accounts.ts'
import type { Config } from '../config/config.ts'
import type { Exchanges } from '../relay/exchange.ts'
import type { SessionRegistry } from '../sessions/registry.ts'
import type { Supervisor, WorkerSnapshot } from '../supervisor/supervisor.ts'
import { type ChangeParts, change, endedCalls, iso, notFound } from './answers.ts'
import { implement } from './implement.ts'
import { everywhere, implementWhole, type NodesParts, onNode } from './nodes.ts'
import { Recycling } from './recycling.ts'
import { getWorker, listWorkers, recycleWorkers, stopWorker } from './verbs/workers.ts'

export interface WorkerParts extends ChangeParts, NodesParts {
  readonly accounts: Accounts
  readonly supervisor: Supervisor
  readonly sessions: SessionRegistry
  readonly exchanges: Exchanges
  readonly clock: Clock
  readonly config: Pick<Config, 'CALL_TIMEOUT'>
}

type View = z.infer<typeof getWorker.answer>

export function workerRoutes(app: FastifyInstance, parts: WorkerParts): void {
  const { supervisor, clock, config } = parts
  const recycling = new Recycling({ supervisor, clock, patienceMs: config.CALL_TIMEOUT })
  app.addHook('onClose', async () => recycling.close())

  implementWhole(
    app,
    listWorkers,
    parts,
    async () => ({ workers: await viewAll(parts, supervisor.list()) }),
    { merge: (answers) => ({ workers: answers.flatMap(({ workers }) => workers) }) }
  )
  implement(app, getWorker, async ({ params: { id }, request }) => {
    const worker = supervisor.list().find((one) => one.id === id)
    const [shown] = worker
      ? await viewAll(parts, [worker])
      : (await everywhere(parts, request, getWorker)).answers
    return shown ?? notFound('worker', id)
  })
  implement(app, stopWorker, ({ params, query, request }) =>
    stop(parts, request, params.id, query.mode)
  )
  implementWhole(
    app,
    recycleWorkers,
    parts,
    ({ request }) =>
      change(parts, request, { action: 'recycle', target: 'node' }, async () => ({
        recycling: recycling.start()
      })),
    {
      merge: (answers) => ({ recycling: answers.flatMap(({ recycling }) => recycling) }),
      action: 'recycle'
    }
  )
}

async function viewAll(
  { accounts, sessions, nodeName: node }: WorkerParts,
  workers: readonly WorkerSnapshot[]
): Promise<View[]> {
  const emails = await accounts.addresses(workers.flatMap(({ userId }) => userId ?? []))
  return workers.map((worker) => ({
    ...worker,
    node,
    email: (worker.userId && emails.get(worker.userId)) ?? null,
    sessions: sessions.liveIn(worker.id),
    startedAt: iso(worker.startedAt),
    lastCallAt: worker.lastCallAt === null ? null : iso(worker.lastCallAt)
  }))
}

async function stop(
  parts: WorkerParts,
  request: FastifyRequest,
  id: string,
  mode: 'drain' | 'now'
) {
  const worker = parts.supervisor.list().find((one) => one.id === id)
  const elsewhere = worker ? undefined : await nodeOf(parts, request, id)
  if (elsewhere !== undefined)
    return change(parts, request, { action: 'stop_worker', target: id }, () =>
      onNode(parts, request, stopWorker, elsewhere)
    )
  if (!worker) {
    parts.metrics.admin.inc({ action: 'stop_worker', result: 'not_found' })
    return notFound('worker', id)
  }
  const inFlight = endedCalls(parts.exchanges.ofWorker(worker.id))
  await change(parts, request, { action: 'stop_worker', target: id }, () =>
    parts.supervisor.stopWorker(worker.id, 'admin', mode)
  )
  return { stopped: id, inFlight }
}

/** The gateway that this worker belongs to; undefined when it is none of the others that answer. */
async function nodeOf(
  parts: WorkerParts,
  request: FastifyRequest,
  id: string
): Promise<string | undefined> {
  const asked = { method: 'GET', answer: getWorker.answer } as const
  const path = `/admin/workers/${encodeURIComponent(id)}`
  return (await everywhere(parts, request, asked, path)).nodes[0]
}
