import * as z from 'zod'
import { defineVerb, EndedCall, moment, nextCursor, nothing, page, unreached } from '../verb.ts'

export const SessionView = z.strictObject({
  handle: z.string().describe('Names the session. Session ids are secrets and never shown.'),
  userId: z.string().describe('Google’s `sub` of its person.'),
  email: z.string().nullable(),
  client: z.strictObject({ name: z.string(), version: z.string() }),
  era: z.literal('legacy').describe('Clients of 2026-07-28 have no sessions.'),
  protocolVersion: z.string(),
  state: z.enum(['live', 'hibernated']).describe('`live`: a worker knows it now.'),
  workerId: z.string().nullable(),
  node: z.string().nullable().describe('The gateway where it is live, if it is.'),
  createdAt: moment,
  lastSeenAt: moment,
  requests: z.int().describe('Since the gateways started.'),
  inFlight: z.int(),
  streams: z.int()
})

const Handle = z.strictObject({ handle: z.string().max(64).describe('The session’s handle.') })

export const listSessions = defineVerb({
  id: 'listSessions',
  command: 'sessions',
  tag: 'Sessions',
  method: 'GET',
  path: '/admin/sessions',
  alias: '/sessions',
  summary: 'Sessions, by handle',
  description: 'In the order of their handles, in pages.',
  params: nothing,
  query: z.strictObject({
    user: z.string().max(320).optional().describe('Only of this person: id or address.'),
    client: z.string().max(2000).optional().describe('Only of clients with exactly this name.'),
    state: z
      .enum(['live', 'hibernated'])
      .optional()
      .describe('`live`: a worker knows it; `hibernated`: none does.'),
    ...page
  }),
  answer: z.strictObject({ sessions: z.array(SessionView), unreached, nextCursor })
})

export const getSession = defineVerb({
  id: 'getSession',
  command: 'session',
  tag: 'Sessions',
  method: 'GET',
  path: '/admin/sessions/:handle',
  summary: 'One session',
  description: 'Answers 404 when it has ended.',
  params: Handle,
  query: nothing,
  answer: SessionView
})

export const endSession = defineVerb({
  id: 'endSession',
  command: 'kill',
  tag: 'Sessions',
  method: 'DELETE',
  path: '/admin/sessions/:handle',
  alias: '/sessions/:handle',
  summary: 'Ends a session for good',
  description:
    'Calls in flight get an error, streams close, the id never works again; its worker stays. Said again, it answers 404.',
  params: Handle,
  query: nothing,
  answer: z.strictObject({ ended: z.string(), inFlight: z.array(EndedCall) })
})
