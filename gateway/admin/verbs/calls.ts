import * as z from 'zod'
import { atNode, defineVerb, moment, node, nothing, unreached } from '../verb.ts'

const CallView = z.strictObject({
  call: z.string().describe('Names the call; clients never see it.'),
  method: z.string().nullable().describe('Null until its worker has said what it is.'),
  tool: z.string().nullable(),
  messages: z.int().describe('JSON-RPC requests in it; more than one is a batch.'),
  seconds: z.number().describe('How long it has been in flight.'),
  startedAt: moment,
  userId: z.string(),
  email: z.string().nullable(),
  client: z.string().describe('Id of the OAuth client, or `personal-token`.'),
  clientName: z.string().nullable().describe('What the client calls itself, where it said so.'),
  session: z.string().nullable(),
  worker: z.string(),
  node
})

const Selection = z.strictObject({
  ...atNode,
  call: z.string().max(64).optional().describe('This one.'),
  session: z.string().max(64).optional().describe('Those of this session, by handle.'),
  worker: z.string().max(64).optional().describe('Those that this worker serves.'),
  user: z.string().max(320).optional().describe('Those of this person: id or address.'),
  client: z
    .string()
    .max(2000)
    .optional()
    .describe('Those of this client: its id, or the name that it gives itself.'),
  tool: z.string().max(100).optional().describe('Those of this tool.'),
  olderThan: z.coerce
    .number()
    .min(0)
    .optional()
    .describe('Those that have been in flight for so many seconds, at least.')
})

export const listCalls = defineVerb({
  id: 'listCalls',
  command: 'calls',
  tag: 'Calls',
  method: 'GET',
  path: '/admin/calls',
  summary: 'Calls in flight, the longest first',
  description: 'What hangs, since when, in which tool, and whose it is.',
  params: nothing,
  query: Selection,
  answer: z.strictObject({ calls: z.array(CallView), unreached })
})

export const killCalls = defineVerb({
  id: 'killCalls',
  command: 'kill-calls',
  tag: 'Calls',
  method: 'DELETE',
  path: '/admin/calls',
  summary: 'Ends calls in flight',
  description:
    'Each client gets its error at once; workers and sessions stay. What is given must hold together, and something must be given. Answers what was ended: nothing, when it is said again.',
  params: nothing,
  query: Selection,
  answer: z.strictObject({ ended: z.array(CallView), unreached })
})
