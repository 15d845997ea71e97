import * as z from 'zod'
import { ACCESS_LEVELS } from '#shared/access-levels.ts'
import { defineVerb, moment, nextCursor, node, nothing, page, unreached } from '../verb.ts'

const State = z.enum(['active', 'blocked', 'needs_reauth'])
const Level = z.enum(ACCESS_LEVELS)

const UsageView = z
  .strictObject({
    calls: z.int(),
    cpuSeconds: z.number().describe('Of the processor, by workers.'),
    bytesIn: z.int(),
    bytesOut: z.int(),
    quotaUnits: z.int().describe('Google’s, for Gmail.')
  })
  .describe('Since the gateways started.')

export type Usage = z.infer<typeof UsageView>

const brief = {
  id: z.string().describe('Google’s `sub`.'),
  email: z.string(),
  hd: z.string().nullable().describe('The Workspace domain that Google vouches for.'),
  state: State,
  isAllowed: z.boolean().describe('Whether the allow lists let this person in now.'),
  grant: z.enum(['ok', 'needs_reauth']).describe('`needs_reauth`: nothing from Google is stored.'),
  level: Level.nullable().describe('What Google granted.'),
  createdAt: moment,
  lastSeenAt: moment,
  worker: z
    .strictObject({ id: z.string(), phase: z.string(), inFlight: z.int(), node })
    .nullable()
    .describe('Their worker process, while there is one.'),
  usage: UsageView
}

const UserLine = z.strictObject({
  ...brief,
  sessions: z.int(),
  clients: z.int(),
  tokens: z.int()
})

const UserView = z.strictObject({
  ...brief,
  sessions: z.array(
    z.strictObject({
      handle: z.string(),
      client: z.string(),
      createdAt: moment,
      lastSeenAt: moment
    })
  ),
  clients: z
    .array(
      z.strictObject({
        clientId: z.string(),
        name: z.string(),
        place: z.string(),
        level: Level.optional(),
        since: moment,
        lastUsedAt: moment
      })
    )
    .describe('Applications that the person let in.'),
  tokens: z
    .array(
      z.strictObject({
        id: z.string(),
        name: z.string(),
        level: Level,
        createdAt: moment,
        expiresAt: moment,
        lastUsedAt: moment.nullable()
      })
    )
    .describe('Personal tokens.'),
  unreached
})

const id = z.string().min(1).max(320).describe('Google’s id of the person, or the address.')
const One = z.strictObject({ id })

export const listUsers = defineVerb({
  id: 'listUsers',
  command: 'users',
  tag: 'People',
  method: 'GET',
  path: '/admin/users',
  summary: 'The people of this gateway',
  description: 'By id, in pages: state, what they have, and what they use.',
  params: nothing,
  query: z.strictObject({
    search: z.string().max(320).optional().describe('Part of an address.'),
    state: State.optional().describe('Only in this state.'),
    ...page
  }),
  answer: z.strictObject({ users: z.array(UserLine), unreached, nextCursor })
})

export const getUser = defineVerb({
  id: 'getUser',
  command: 'user',
  tag: 'People',
  method: 'GET',
  path: '/admin/users/:id',
  summary: 'One person',
  description:
    'With each session, client and token. Of several accounts that had one address, the one seen last.',
  params: One,
  query: nothing,
  answer: UserView
})

export const topUsers = defineVerb({
  id: 'topUsers',
  command: 'top',
  tag: 'People',
  method: 'GET',
  path: '/admin/top',
  summary: 'Who uses most',
  description: 'People by what they have used since the gateways started, the most first.',
  params: nothing,
  query: z.strictObject({
    by: z
      .enum(['calls', 'cpuSeconds', 'bytes', 'quotaUnits'])
      .default('cpuSeconds')
      .describe('Of what.'),
    limit: z.coerce.number().int().min(1).max(1000).default(20).describe('At most so many.')
  }),
  answer: z.strictObject({
    users: z.array(
      z.strictObject({ id: z.string(), email: z.string().nullable(), usage: UsageView })
    ),
    unreached
  })
})

export const endUserSessions = defineVerb({
  id: 'endUserSessions',
  command: 'end-sessions',
  tag: 'People',
  method: 'DELETE',
  path: '/admin/users/:id/sessions',
  summary: 'Ends all sessions of a person',
  description:
    'As if each were ended by its handle. Said again, it answers that there was none. Clients may open new ones.',
  params: One,
  query: nothing,
  answer: z.strictObject({ ended: z.array(z.string()) })
})

export const blockUser = defineVerb({
  id: 'blockUser',
  command: 'block',
  tag: 'People',
  method: 'POST',
  path: '/admin/users/:id/block',
  summary: 'Blocks a person',
  description:
    'No call, stream, refresh or link works any more; answers when the worker is gone. May be said again.',
  params: One,
  query: nothing,
  answer: UserView
})

export const unblockUser = defineVerb({
  id: 'unblockUser',
  command: 'unblock',
  tag: 'People',
  method: 'POST',
  path: '/admin/users/:id/unblock',
  summary: 'Takes a block back',
  description: 'What the person had works again, sessions included. May be said again.',
  params: One,
  query: nothing,
  answer: UserView
})

export const revokeClient = defineVerb({
  id: 'revokeClient',
  command: 'revoke-client',
  tag: 'People',
  method: 'DELETE',
  path: '/admin/users/:id/clients/:client',
  summary: 'Ends the access of one of a person’s clients',
  description:
    'Its tokens and sessions end. Answers 404 when it has none, or when it is said again.',
  params: z.strictObject({ id, client: z.string().max(2000).describe('The client’s id.') }),
  query: nothing,
  answer: z.strictObject({ revoked: z.string() })
})

export const revokeToken = defineVerb({
  id: 'revokeToken',
  command: 'revoke-token',
  tag: 'People',
  method: 'DELETE',
  path: '/admin/users/:id/tokens/:token',
  summary: 'Revokes a personal token',
  description:
    'It stops working at once. Answers 404 when there is none, or when it is said again.',
  params: z.strictObject({ id, token: z.string().max(100).describe('The token’s id.') }),
  query: nothing,
  answer: z.strictObject({ revoked: z.string() })
})

export const eraseUser = defineVerb({
  id: 'eraseUser',
  command: 'erase',
  tag: 'People',
  method: 'DELETE',
  path: '/admin/users/:id',
  summary: 'Erases a person',
  description:
    'Access at Google is revoked, everything ends, every row goes; the audit keeps what was done, not to whom. Nothing brings it back. Said again, it answers 404.',
  isFinal: true,
  params: One,
  query: nothing,
  answer: z.strictObject({
    erased: z.string(),
    revokedAtGoogle: z.boolean().describe('False when Google could not be reached.')
  })
})
