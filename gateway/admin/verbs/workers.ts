import * as z from 'zod'
import { atNode, defineVerb, EndedCall, moment, node, nothing, unreached } from '../verb.ts'

const WorkerView = z.strictObject({
  id: z.string(),
  node,
  pid: z.int().nullable().describe('In the process table of the gateway’s machine.'),
  userId: z.string().nullable().describe('Null while it waits in the warm pool.'),
  email: z.string().nullable(),
  phase: z.enum(['warm', 'cold', 'starting', 'ready', 'draining', 'resting', 'broken']),
  sessions: z.int().describe('How many sessions it knows now.'),
  inFlight: z.int(),
  rssBytes: z.number().nullable(),
  cpuSeconds: z.number().nullable(),
  eventLoopLagSeconds: z.number().nullable(),
  startedAt: moment,
  lastCallAt: moment.nullable(),
  requests: z.int(),
  version: z.string().nullable()
})

const WorkerName = z.strictObject({ id: z.string().max(64).describe('The worker’s id.') })

export const listWorkers = defineVerb({
  id: 'listWorkers',
  command: 'workers',
  tag: 'Workers',
  method: 'GET',
  path: '/admin/workers',
  summary: 'Worker processes',
  description: 'Every process there is, those without a person included.',
  params: nothing,
  query: z.strictObject(atNode),
  answer: z.strictObject({ workers: z.array(WorkerView), unreached })
})

export const getWorker = defineVerb({
  id: 'getWorker',
  command: 'worker',
  tag: 'Workers',
  method: 'GET',
  path: '/admin/workers/:id',
  summary: 'One worker process',
  description: 'Answers 404 when it is gone.',
  params: WorkerName,
  query: nothing,
  answer: WorkerView
})

export const stopWorker = defineVerb({
  id: 'stopWorker',
  command: 'stop-worker',
  tag: 'Workers',
  method: 'DELETE',
  path: '/admin/workers/:id',
  summary: 'Stops a worker process',
  description:
    'Answers when the process is gone, with what was in flight. Its sessions stay, and its person’s next call starts another one. Said again, it answers 404.',
  params: WorkerName,
  query: z.strictObject({
    mode: z
      .enum(['drain', 'now'])
      .default('drain')
      .describe('`drain`: after its calls, DRAIN_TIMEOUT at most; `now`: at once.')
  }),
  answer: z.strictObject({ stopped: z.string(), inFlight: z.array(EndedCall) })
})

export const recycleWorkers = defineVerb({
  id: 'recycleWorkers',
  command: 'recycle',
  tag: 'Workers',
  method: 'POST',
  path: '/admin/recycle',
  summary: 'Replaces the workers one after the other',
  description:
    'Each is stopped when it has no call, or after CALL_TIMEOUT. Answers at once with those that are to go; said again while that goes on, it answers those that are left.',
  params: nothing,
  query: z.strictObject(atNode),
  answer: z.strictObject({ recycling: z.array(z.string()), unreached })
})
