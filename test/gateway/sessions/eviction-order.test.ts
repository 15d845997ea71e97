import t from 'tap'
import { asUserId } from '#shared/ids.ts'
import { evictionOrder } from '../../../gateway/sessions/eviction-order.ts'
import type { Session } from '../../../gateway/sessions/session.ts'

const NOW = 1_000_000_000
const ME = { clientId: 'c', name: 'me' }

const session = (handle: string, given: Partial<Session> & { client?: string } = {}): Session => ({
  hash: handle,
  handle,
  userId: asUserId('1'),
  clientId: 'c',
  initialize: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: given.client ?? 'me', version: '1' }
  },
  createdAt: 0,
  level: undefined,
  expiresAt: undefined,
  tokenHash: undefined,
  lastSeenAt: NOW - 3_600_000,
  requests: 0,
  inFlight: 0,
  streams: 0,
  liveIn: undefined,
  asleepBy: 'hibernation',
  ended: undefined,
  ...given
})

const order = (...sessions: Session[]) =>
  evictionOrder(sessions, ME, NOW).map(({ handle }) => handle)

t.test('a session in use never gives way while another is idle', async (t) => {
  t.same(
    order(
      session('calling', { inFlight: 1, lastSeenAt: 0 }),
      session('listening', { streams: 1, lastSeenAt: 0 }),
      session('just begun', { lastSeenAt: NOW - 20 }),
      session('of another client, idle', { client: 'other', lastSeenAt: NOW - 20_000 })
    ),
    ['of another client, idle', 'just begun', 'listening', 'calling']
  )
})

t.test('of those that were left behind the own ones give way first', async (t) => {
  t.same(
    order(
      session('another client’s', { client: 'other', lastSeenAt: 1 }),
      session('of an app of this name', { clientId: 'd', lastSeenAt: 2 }),
      session('newer', { lastSeenAt: 4 }),
      session('older', { lastSeenAt: 3 })
    ),
    ['older', 'newer', 'another client’s', 'of an app of this name']
  )
})

t.test('who begins many sessions in a moment loses those, and nobody else one', async (t) => {
  const many = Array.from({ length: 4 }, (_, n) => session(`${n}`, { lastSeenAt: NOW - 100 + n }))
  const quiet = session('quiet', { client: 'other', lastSeenAt: NOW - 60_000 })
  t.same(
    order(quiet, ...many),
    ['0', '1', 'quiet', '2', '3'],
    'the newest two are about to be used'
  )
})
