import * as z from 'zod'
import { defineVerb, moment, nextCursor, nothing, page } from '../verb.ts'

const Accepting = z.strictObject({ accepting: z.boolean() })
const atOne = z.strictObject({
  node: z
    .string()
    .max(300)
    .optional()
    .describe('At this gateway; at the one that is asked, if absent.')
})

const NodeView = z.strictObject({
  node: z.string().describe('Host and port of its PEER_URL, or the name of its machine.'),
  isAsked: z.boolean().describe('The one that answers this.'),
  isReached: z.boolean(),
  workers: z.int(),
  workerLimit: z.int().describe('0 when it takes nobody new.')
})

export const listNodes = defineVerb({
  id: 'listNodes',
  command: 'nodes',
  tag: 'Gateway',
  method: 'GET',
  path: '/admin/nodes',
  summary: 'The gateways over this database',
  description: 'Those that were heard of in the last 15 s, and whether this one reaches them.',
  params: nothing,
  query: nothing,
  answer: z.strictObject({ nodes: z.array(NodeView) })
})

export const whoAmI = defineVerb({
  id: 'whoAmI',
  command: 'me',
  tag: 'Gateway',
  method: 'GET',
  path: '/admin/me',
  summary: 'Whose token this is',
  description: 'The name and role that the gateway knows the token by.',
  params: nothing,
  query: nothing,
  answer: z.strictObject({
    name: z.string(),
    role: z.enum(['metrics', 'read', 'admin']),
    actor: z.string().describe('As the audit names them.')
  })
})

export const drain = defineVerb({
  id: 'drain',
  command: 'drain',
  tag: 'Gateway',
  method: 'POST',
  path: '/admin/drain',
  summary: 'Takes no new calls',
  description:
    'New calls get 503 with Retry-After, /ready says 503; what runs goes on. May be said again.',
  params: nothing,
  query: atOne,
  answer: Accepting
})

export const undrain = defineVerb({
  id: 'undrain',
  command: 'undrain',
  tag: 'Gateway',
  method: 'POST',
  path: '/admin/undrain',
  summary: 'Takes calls again',
  description: 'Ends a drain. May be said again.',
  params: nothing,
  query: atOne,
  answer: Accepting
})

export const reload = defineVerb({
  id: 'reload',
  command: 'reload',
  tag: 'Gateway',
  method: 'POST',
  path: '/admin/reload',
  summary: 'Reads allow lists, operators and log level again',
  description:
    'Whoever is no longer allowed has everything ended. When anything is wrong everything stays as it was, and the answer says what (ERR_CONFIG).',
  params: nothing,
  query: nothing,
  answer: z.strictObject({
    allowed: z.strictObject({ emails: z.int(), domains: z.int() }),
    operators: z.strictObject({ metrics: z.int(), read: z.int(), admin: z.int() }),
    logLevel: z.string(),
    putOut: z.int().describe('People with something open who are no longer allowed.')
  })
})

export const getConfig = defineVerb({
  id: 'getConfig',
  command: 'config',
  tag: 'Gateway',
  method: 'GET',
  path: '/admin/config',
  summary: 'The settings in force',
  description: 'Secrets show as `(set)`, users and passwords in addresses as `***`.',
  params: nothing,
  query: atOne,
  answer: z.strictObject({
    config: z.record(z.string(), z.unknown()).describe('Durations in ms, sizes in bytes.')
  })
})

export const listAudit = defineVerb({
  id: 'listAudit',
  command: 'audit',
  tag: 'Gateway',
  method: 'GET',
  path: '/admin/audit',
  summary: 'Who changed what and why, the latest first',
  description: 'With `format=ndjson` all of it, a line each.',
  params: nothing,
  query: z.strictObject({
    actor: z.string().max(320).optional().describe('`admin`, `operator:…` or `user:…`.'),
    action: z.string().max(100).optional().describe('Such as block, kill_calls, erase.'),
    target: z.string().max(2000).optional().describe('A person’s id, a handle, a worker, `node`.'),
    limit: page.limit,
    cursor: z.coerce
      .number()
      .int()
      .positive()
      .optional()
      .describe('`nextCursor` of the page before.'),
    format: z.enum(['json', 'ndjson']).default('json').describe('`ndjson`: all of it, a line each.')
  }),
  answer: z.strictObject({
    entries: z.array(
      z.strictObject({
        at: moment,
        actor: z.string(),
        action: z.string(),
        target: z.string(),
        reason: z.string().nullable(),
        requestId: z.string().nullable()
      })
    ),
    nextCursor
  }),
  stream: { type: 'application/x-ndjson', description: 'With `format=ndjson`: an entry a line.' }
})

export const streamEvents = defineVerb({
  id: 'streamEvents',
  command: 'events',
  tag: 'Gateway',
  method: 'GET',
  path: '/admin/events',
  summary: 'What happens, while it happens',
  description:
    'Server-sent events: sessions, workers, changes by operators. `event` is the type; `data` is JSON with `type`, `at` and what belongs to it. Who does not read is cut off.',
  params: nothing,
  query: nothing,
  answer: z.string(),
  stream: { type: 'text/event-stream', description: 'Goes on until either side ends it.' }
})

export const describeApi = defineVerb({
  id: 'describeApi',
  command: 'openapi',
  tag: 'Gateway',
  method: 'GET',
  path: '/admin/openapi.json',
  summary: 'This description',
  description: 'OpenAPI 3.1 of everything on this port.',
  params: nothing,
  query: nothing,
  answer: z.looseObject({ openapi: z.string() })
})
