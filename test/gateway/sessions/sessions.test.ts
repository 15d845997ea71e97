import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import t from 'tap'
import { asSessionId, asUserId, asWorkerId } from '#shared/ids.ts'
import { type SessionFilter, SessionRegistry } from '../../../gateway/sessions/registry.ts'
import type { EndReason } from '../../../gateway/sessions/session.ts'
import { openStore } from '../../../gateway/store/store.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import {
  call,
  endpointOf,
  fixtureWorker,
  initialize,
  killWorkerOf,
  messageOf,
  modernCall,
  openSession,
  type Person,
  peopleOf,
  send,
  textOf,
  until,
  workersOf
} from '../../helpers/mcp-http.ts'
import { startGateway } from '../../helpers/start-gateway.ts'

const SETTINGS = {
  WORKER_ENTRY: fixtureWorker('tools'),
  WORKER_IDLE: '700ms',
  SESSIONS_PER_USER: '3'
}

const echo = async (me: Person, session: string, text = 'hello') =>
  textOf(await messageOf(await send(me, { session, body: call('echo', { text }) })))

/** Each request would have a name of its own. */
const REQUEST = 'r-1'

/** All of an answer that could tell one kind of dead session from another. */
async function refusal(me: Person, session: string, method = 'POST') {
  const body = method === 'POST' ? { body: call('echo', { text: 'x' }) } : {}
  const response = await send(me, {
    ...{ method, session, ...body },
    headers: { 'x-request-id': REQUEST }
  })
  const { status, headers } = response
  return { status, type: headers.get('content-type'), text: await response.text() }
}

/** The id is the request's own; a GET and a DELETE have none. */
const unknown = (method = 'POST') => ({
  status: 404,
  type: 'application/json; charset=utf-8',
  text: JSON.stringify({
    jsonrpc: '2.0',
    id: method === 'POST' ? 1 : null,
    error: {
      code: -32001,
      message: 'Session not found',
      data: { code: 'ERR_SESSION_UNKNOWN', requestId: REQUEST }
    }
  })
})

t.test('a session outlives its process, and its gateway, but not its end', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'gw-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const options = { settings: SETTINGS, google: peopleOf(2), directory }
  let gateway = await startGateway(options)
  t.teardown(() => gateway.close())
  const [ann, bob] = [endpointOf(gateway, 0), endpointOf(gateway, 1)]
  const asleep = () => until(async () => (await workersOf(gateway)).length === 0)
  const [kept, ended] = [await openSession(ann, 'claude-code'), await openSession(ann)]

  t.test('it is restored after a crash and after hibernation, many calls at once', async (t) => {
    await killWorkerOf(gateway, ann)
    const words = Array.from({ length: 20 }, (_, i) => `word ${i}`)
    t.same(await Promise.all(words.map((word) => echo(ann, kept, word))), words)
    await asleep()
    t.equal(await echo(ann, kept), 'hello')
    const client = await messageOf(await send(ann, { session: kept, body: call('client') }))
    t.match(JSON.parse(textOf(client) ?? ''), { name: 'claude-code' })
    const text = await gateway.metrics()
    for (const cause of ['crash', 'hibernation'])
      t.match(text, `gmail_mcp_session_resumes_total{cause="${cause}",result="ok"} 1`, 'once each')
  })

  t.test('its DELETE starts no worker, and it is dead', async (t) => {
    await asleep()
    t.equal((await send(ann, { method: 'DELETE', session: ended })).status, 200)
    t.same(await workersOf(gateway), [])
    for (const method of ['POST', 'GET', 'DELETE'])
      t.same(await refusal(ann, ended, method), unknown(method), method)
    t.same(await workersOf(gateway), [])
  })

  t.test('unknown, foreign and ended sessions are the same to everybody', async (t) => {
    for (const method of ['POST', 'GET', 'DELETE']) {
      t.same(await refusal(bob, kept, method), unknown(method), `${method} of another’s`)
      t.same(await refusal(bob, ended, method), unknown(method), `${method} of another’s ended one`)
      t.same(await refusal(bob, 'made-up', method), unknown(method), `${method} of none`)
    }
    t.same(await workersOf(gateway), [])
    t.equal(await echo(ann, kept), 'hello', 'the owner notices nothing')
    const mine = await gateway.admin('GET', `/admin/sessions?user=${bob.sub}`)
    t.same(mine.body, { sessions: [] }, 'nothing was made for him')
  })

  t.test('a session id does nothing for a request that stands alone', async (t) => {
    const { body, headers } = modernCall('echo', { text: 'alone' })
    t.equal(
      textOf(await messageOf(await send(ann, { body, headers, session: 'made-up' }))),
      'alone'
    )
    const legacy = { body: call('who'), session: ended }
    const mixed = await send(ann, { ...legacy, headers: { 'mcp-protocol-version': '2026-07-28' } })
    t.not(mixed.status, 200)
    t.notOk(mixed.headers.get('mcp-session-id'))
    await mixed.text()
  })

  t.test('who opens too many loses the one used longest ago', async (t) => {
    const [first, second] = [await openSession(bob), await openSession(bob)]
    const third = await openSession(bob)
    t.equal(await echo(bob, first), 'hello')
    const fourth = await openSession(bob)
    t.same(await refusal(bob, second), unknown())
    for (const session of [first, third, fourth]) t.equal(await echo(bob, session), 'hello')
    t.equal(await echo(ann, kept), 'hello', 'others are not counted')
  })

  t.test('what is too large to keep is refused in words', async (t) => {
    const response = await send(ann, { body: initialize('x'.repeat(17_000)) })
    t.equal(response.status, 400)
    t.notOk(response.headers.get('mcp-session-id'))
    t.match(await messageOf(response), { error: { code: -32602, message: /over 16384 bytes/ } })
    const { params, ...rest } = initialize()
    const nonsense = { ...rest, params: { ...params, protocolVersion: 'x'.repeat(65) } }
    t.equal((await send(ann, { body: nonsense })).status, 400)
  })

  t.test('it goes on after a restart of the gateway', async (t) => {
    await gateway.close()
    gateway = await startGateway(options)
    t.equal(await echo(endpointOf(gateway, 0), kept), 'hello')
    t.same(await refusal(endpointOf(gateway, 0), ended), unknown())
    t.same(await refusal(endpointOf(gateway, 1), kept), unknown())
  })

  t.test('neither its id nor a token is on the disk', async (t) => {
    const names = (await readdir(directory)).filter((name) => name.startsWith('gateway.sqlite'))
    t.ok(names.length > 0)
    const files = await Promise.all(names.map((name) => readFile(join(directory, name), 'latin1')))
    const secrets = [kept, ended, ann.token, bob.token, ...gateway.users.map(({ token }) => token)]
    for (const secret of secrets) t.notOk(files.some((file) => file.includes(secret)))
  })
})

t.test('the registry', async (t) => {
  const clock = new FakeClock(1_000_000)
  const store = await openStore('sqlite::memory:')
  t.teardown(() => store.close())
  const ends: EndReason[] = []
  const failures: unknown[] = []
  const registry = (ttlMs = 60_000) =>
    new SessionRegistry({
      store,
      clock,
      rules: { ttlMs, perUser: 10 },
      verifyLease: async () => {},
      events: {
        started() {},
        ended: (_session, reason) => ends.push(reason),
        sweepFailed: (error) => failures.push(error)
      }
    })
  const userId = asUserId('1')
  const workerId = asWorkerId('w-1')
  const { params } = initialize()
  const open = (sessions: SessionRegistry, name: string) =>
    sessions.open({ id: asSessionId(name), userId, clientId: 'c', initialize: params, workerId })
  /** Until the work that a timer began is done. */
  const rounds = async () => {
    for (let i = 0; i < 50; i += 1) await new Promise(setImmediate)
  }

  t.test('forgets what nobody used for long, for good', async (t) => {
    const sessions = registry()
    await open(sessions, 'used')
    await open(sessions, 'unused')
    clock.advance(50_000)
    const used = await sessions.find(asSessionId('used'), userId)
    if (used) sessions.touch(used)
    clock.advance(20_000)
    t.notOk(await sessions.find(asSessionId('unused'), userId), 'at once')
    await rounds()
    t.same(ends.splice(0), ['expired'])
    t.match(await sessions.count(), { all: 1 })
    await sessions.close()

    const later = registry()
    t.ok(await later.find(asSessionId('used'), userId), 'its last use was written')
    clock.advance(70_000)
    await rounds()
    t.same(await later.count(), { all: 0, orphaned: 0 }, 'without being asked for')
    t.notOk(await later.find(asSessionId('used'), userId))
    await later.close()
  })

  t.test('remembers a session in use, so that whoever uses it hears of its end', async (t) => {
    const sessions = registry(86_400_000)
    const [parked, idle] = [await open(sessions, 'parked'), await open(sessions, 'idle')]
    parked.streams = 1
    sessions.workerGone(workerId, 'crash')
    clock.advance(11 * 60_000)
    await rounds()
    t.equal(await sessions.find(asSessionId('parked'), userId), parked)
    t.not(await sessions.find(asSessionId('idle'), userId), idle)
    await sessions.end(parked.handle, 'admin')
    t.equal(parked.ended, 'admin')
    await sessions.end(idle.handle, 'admin')
    ends.splice(0)
    await sessions.close()
  })

  t.test('lists those of a client, and those that a worker knows or not', async (t) => {
    const sessions = registry()
    const opened = []
    for (let i = 0; i < 4; i += 1) opened.push(await open(sessions, `listed-${i}`))
    const handles = opened.map(({ handle }) => handle).sort()
    const list = async (filter: Partial<SessionFilter>) =>
      (await sessions.list({ limit: 10, ...filter })).map(({ handle }) => handle)
    t.same(await list({ state: 'live' }), handles)
    t.same(await list({ state: 'hibernated' }), [])
    t.same(await list({ client: 'test-client' }), handles)
    t.same(await list({ client: 'another' }), [])

    sessions.workerGone(workerId, 'hibernation')
    t.same(await list({ state: 'live' }), [], 'no list of hashes is a list too')
    t.same(await list({ state: 'hibernated' }), handles)

    const [one, other] = handles
    const awake = opened.find(({ handle }) => handle === other)
    if (awake) awake.liveIn = workerId
    t.same(await list({ state: 'live', userId, client: 'test-client' }), [other])
    const asleep = await list({ state: 'hibernated', limit: 1 })
    t.same(asleep, [one])
    t.same(await list({ state: 'hibernated', limit: 9, cursor: `${one}` }), handles.slice(2))
    for (const handle of handles) await sessions.end(handle, 'admin')
    ends.splice(0)
    await sessions.close()
  })

  t.test('does not bring back what ends while it is looked up', async (t) => {
    const before = registry()
    for (let delay = 0; delay < 12; delay += 1) {
      const id = asSessionId(`race-${delay}`)
      const { handle } = await open(before, id)
      const fresh = registry()
      const finding = (async () => {
        for (let i = 0; i < delay; i += 1) await undefined
        return fresh.find(id, userId)
      })()
      await Promise.all([fresh.end(handle, 'admin'), finding])
      t.notOk(await fresh.find(id, userId), `after ${delay} ticks`)
      await fresh.close()
    }
    await before.close()
  })

  t.test('ends once, whoever ends it again; each waits until the row is gone', async (t) => {
    ends.splice(0)
    const sessions = registry()
    const session = await open(sessions, 'ended-twice')
    const isThere = async () =>
      (await store.db
        .selectFrom('sessions')
        .select('hash')
        .where('hash', '=', session.hash)
        .executeTakeFirst()) !== undefined
    await store.db.schema.alterTable('sessions').renameTo('elsewhere').execute()
    await t.rejects(sessions.endById(asSessionId('ended-twice'), userId, 'client'))
    await store.db.schema.alterTable('elsewhere').renameTo('sessions').execute()
    t.notOk(session.ended, 'it was not even found')
    // The row cannot be removed.
    await sql`create trigger stay before delete on sessions begin select raise(abort, 'no'); end`.execute(
      store.db
    )
    await t.rejects(sessions.end(session.handle, 'client'))
    t.ok(await isThere())
    t.notOk(await sessions.find(asSessionId('ended-twice'), userId), 'it is dead all the same')
    await sql`drop trigger stay`.execute(store.db)
    await Promise.all(
      (['admin', 'account'] as const).map(async (reason) => {
        await sessions.end(session.handle, reason)
        t.notOk(await isThere(), `who ended it as ${reason} finds no row`)
      })
    )
    t.equal(session.ended, 'client', 'by the first reason')
    t.same(ends.splice(0), ['client'])
    t.equal(await sessions.end(session.handle, 'admin'), undefined)
    await sessions.close()
  })

  t.test('one that is ending takes nobody else’s place', async (t) => {
    const sessions = registry()
    const opened = []
    for (let i = 0; i < 10; i += 1) opened.push(await open(sessions, `full-${i}`))
    const [first] = opened
    await sql`create trigger stay before delete on sessions begin select raise(abort, 'no'); end`.execute(
      store.db
    )
    await t.rejects(sessions.end(first?.handle ?? '', 'client'))
    await sql`drop trigger stay`.execute(store.db)
    ends.splice(0)
    await open(sessions, 'eleventh')
    t.same(ends.splice(0), [], 'there is room: ten are alive')
    for (const { handle } of await sessions.list({ limit: 20 })) await sessions.end(handle, 'admin')
    ends.splice(0)
    await sessions.close()
  })

  t.test('survives a store that fails, and writes later what it could not', async (t) => {
    const sessions = registry()
    const session = await open(sessions, 'unlucky')
    clock.advance(1000)
    sessions.touch(session)
    await store.db.schema.alterTable('sessions').renameTo('elsewhere').execute()
    clock.advance(5000)
    await rounds()
    t.equal(failures.length, 1)
    await store.db.schema.alterTable('elsewhere').renameTo('sessions').execute()
    clock.advance(5000)
    await rounds()
    t.equal(failures.length, 1)
    const row = await store.db
      .selectFrom('sessions')
      .select('last_seen_at')
      .where('hash', '=', session.hash)
      .executeTakeFirst()
    t.equal(row?.last_seen_at, session.lastSeenAt)
    await sessions.close()
    await sessions.close()
  })
})
