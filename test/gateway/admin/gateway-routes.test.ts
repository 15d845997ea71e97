import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { asWorkerId, type WorkerId } from '#shared/ids.ts'
import { Recycling } from '../../../gateway/admin/recycling.ts'
import { redactedConfig } from '../../../gateway/admin/redacted-config.ts'
import { type Config, readConfig } from '../../../gateway/config/config.ts'
import type { WorkerSnapshot } from '../../../gateway/supervisor/supervisor.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import {
  call,
  endpointOf,
  fixtureWorker,
  messageOf,
  modernCall,
  openSession,
  peopleOf,
  rawEvents,
  send,
  textOf,
  until,
  workersOf
} from '../../helpers/mcp-http.ts'
import { isAlive } from '../../helpers/processes.ts'
import { settled } from '../../helpers/settled.ts'
import { startGateway } from '../../helpers/start-gateway.ts'

/** Workers as a supervisor would list them, which end when they are told to. */
function fleet(inFlight: Record<string, number>) {
  const workers = new Map<WorkerId, number>(
    Object.entries(inFlight).map(([id, calls]) => [asWorkerId(id), calls])
  )
  const stopped: string[] = []
  const supervisor = {
    list: () => [...workers].map(([id, calls]) => snapshot(id, calls)),
    async stopWorker(id: WorkerId, reason: string, mode: string) {
      stopped.push(`${id} ${reason} ${mode}`)
      return workers.delete(id)
    }
  }
  return { workers, stopped, supervisor }
}

const snapshot = (id: WorkerId, inFlight: number): WorkerSnapshot => ({
  ...{ id, pid: 1, userId: null, phase: 'ready', inFlight, rssBytes: null, cpuSeconds: null },
  ...{ eventLoopLagSeconds: null, startedAt: 0, lastCallAt: null, requests: 0, version: null }
})

t.test('a recycle takes one worker after the other, each when it has no call', async (t) => {
  const clock = new FakeClock()
  const { workers, stopped, supervisor } = fleet({ idle: 0, busy: 1, last: 0 })
  const recycling = new Recycling({ supervisor, clock, patienceMs: 60_000 })
  t.same(recycling.start(), ['idle', 'busy', 'last'])
  await settled()
  t.same(stopped, ['idle upgrade drain'], 'the next one has a call')
  t.same(recycling.start(), ['busy', 'last'], 'said again, those that are left')
  clock.advance(10_000)
  await settled()
  t.equal(stopped.length, 1, 'nobody is hurried')
  workers.set(asWorkerId('busy'), 0)
  clock.advance(250)
  await settled()
  t.same(stopped, ['idle upgrade drain', 'busy upgrade drain', 'last upgrade drain'])
  t.same(recycling.start(), [], 'a new one begins with those that are there then')
})

t.test(
  'a recycle waits for a call only so long, and for a worker that is gone not at all',
  async (t) => {
    const clock = new FakeClock()
    const { workers, stopped, supervisor } = fleet({ stuck: 1, gone: 0, other: 0 })
    const recycling = new Recycling({ supervisor, clock, patienceMs: 5000 })
    recycling.start()
    workers.delete(asWorkerId('gone'))
    for (let waited = 0; waited < 5000; waited += 250) {
      t.same(stopped, [])
      clock.advance(250)
      await settled()
    }
    t.same(stopped, ['stuck upgrade drain', 'other upgrade drain'])
  }
)

t.test('a recycle ends with the gateway', async (t) => {
  const clock = new FakeClock()
  const { workers, stopped, supervisor } = fleet({ busy: 1, other: 0 })
  const recycling = new Recycling({ supervisor, clock, patienceMs: 60_000 })
  recycling.start()
  await settled()
  recycling.close()
  recycling.close()
  await settled()
  workers.set(asWorkerId('busy'), 0)
  clock.advance(60_000)
  await settled()
  t.same(stopped, [])
})

t.test('settings are shown without what is secret in them', async (t) => {
  const shown = redactedConfig({
    ...{ ADMIN_TOKEN: 'a', METRICS_TOKEN: undefined, GOOGLE_CLIENT_SECRET: 'c', PORT: 1 },
    HTTPS_PROXY: 'http://me:hush@proxy.example.com:3128',
    DATABASE_URL: 'postgres://app:hush%40@one:5432,two/db?sslmode=require&password=hush',
    PUBLIC_URL: 'https://mail.example.com',
    ALLOWED_EMAILS: ['ann@example.com']
  })
  t.same(shown, {
    ...{ ADMIN_TOKEN: '(set)', METRICS_TOKEN: undefined, GOOGLE_CLIENT_SECRET: '(set)', PORT: 1 },
    HTTPS_PROXY: 'http://***@proxy.example.com:3128',
    DATABASE_URL: 'postgres://***@one:5432,two/db?sslmode=require&password=***',
    PUBLIC_URL: 'https://mail.example.com',
    ALLOWED_EMAILS: ['ann@example.com']
  })
})

t.test('a running gateway', async (t) => {
  const directory = t.testdir()
  let found: Config | undefined
  const secrets = { METRICS_TOKEN: 'metrics-only-abcdefghijklmnopqr' }
  const gateway = await startGateway({
    settings: {
      ...{ WORKER_ENTRY: fixtureWorker('tools'), CALL_TIMEOUT: '3s', ...secrets },
      HTTPS_PROXY: 'http://me:hush@127.0.0.1:9'
    },
    google: peopleOf(2),
    reread: () => found ?? gateway.config
  })
  t.teardown(() => gateway.close())
  const [ann, ben] = [endpointOf(gateway, 0), endpointOf(gateway, 1)]

  // docs/settings.md, CALL_TIMEOUT: a call that takes longer is ended, and its client told so.
  t.test('ends a call that takes too long, and says so to both eras', async (t) => {
    const session = await openSession(ann)
    const hanging = { ms: 600_000, text: '' }
    const [legacy, modern] = await Promise.all([
      send(ann, { session, body: call('wait', hanging, 'mine') }).then(messageOf),
      send(ben, modernCall('wait', hanging, 'too')).then(messageOf)
    ])
    for (const [id, said] of [
      ['mine', legacy],
      ['too', modern]
    ] as const)
      t.match(said, {
        id,
        error: { message: 'The call was ended: it took longer than 3 s (see CALL_TIMEOUT).' }
      })
    const seen = async () =>
      textOf(await messageOf(await send(ann, { session, body: call('seen') })))
    await until(async () => (await seen())?.includes('"aborted":1') === true)
    t.match(await seen(), '"waiting":0', 'the worker has ended it too, and stays')
    t.same((await gateway.admin('GET', '/admin/calls')).body, { calls: [] })
  })

  t.test('recycles its workers; sessions go on', async (t) => {
    const session = await openSession(ann)
    const before = (await workersOf(gateway)).map(({ id, pid }) => ({ id, pid }))
    t.ok(before.length > 0)
    t.same((await gateway.admin('POST', '/admin/recycle')).body, {
      recycling: before.map(({ id }) => id)
    })
    await until(async () =>
      (await workersOf(gateway)).every(({ id }) => !before.some((one) => one.id === id))
    )
    for (const { pid } of before) t.notOk(isAlive(pid), 'the process is gone')
    t.equal((await send(ann, { session, body: call('who') })).status, 200)
  })

  t.test('tells what happens while it happens, as server-sent events', async (t) => {
    const ask = (token: string) =>
      fetch(`${gateway.opsUrl}/admin/events`, { headers: { authorization: `Bearer ${token}` } })
    t.equal((await ask(secrets.METRICS_TOKEN)).status, 403)
    const response = await ask(gateway.adminToken)
    t.match(response.headers.get('content-type'), /^text\/event-stream/)
    const stream = rawEvents(response)
    t.equal((await stream.next()).value, ': events', 'it opens at once')
    await openSession(ann, 'claude-code')
    const { body } = await gateway.admin('GET', '/admin/sessions?client=claude-code')
    await gateway.admin('POST', '/admin/undrain')
    // HTML Living Standard 9.2.6: `event` names the type, `data` is what is told.
    const told: unknown[] = []
    for await (const event of stream) {
      const [, type, data = ''] = /^event: (\w+)\ndata: (.*)$/.exec(event) ?? []
      if (type === undefined) continue
      told.push(JSON.parse(data))
      t.match(JSON.parse(data), { type, at: /^\d{4}-.*Z$/ })
      if (type === 'admin') break
    }
    t.match(told.at(-2), { type: 'session_started', userId: ann.sub, client: 'claude' })
    t.match(body, { sessions: [{ client: { name: 'claude-code' } }] })
    t.match(told.at(-1), { type: 'admin', actor: 'admin', action: 'undrain', target: 'node' })
    t.notMatch(JSON.stringify(told), /example\.com/, 'no address')
  })

  t.test('ends such a stream when its token is taken back', async (t) => {
    const response = await fetch(`${gateway.opsUrl}/admin/events`, {
      headers: { authorization: `Bearer ${gateway.adminToken}` }
    })
    const operators = join(directory, 'operators.json')
    mkdirSync(directory, { recursive: true })
    writeFileSync(operators, '{"operators":[]}', { mode: 0o600 })
    const { PUBLIC_URL, SECRETS_FILE } = gateway.config
    found = readConfig({
      ...{ PUBLIC_URL, SECRETS_FILE, GOOGLE_CLIENT_ID: 'i', GOOGLE_CLIENT_SECRET: 's' },
      ...{ ADMIN_TOKEN: 'another-one-0123456789abcdef', LOG_LEVEL: 'silent' },
      ...{
        OPERATORS_FILE: operators,
        ALLOWED_DOMAINS: 'example.com',
        ALLOWED_EMAILS: 'x@example.com'
      }
    })
    t.equal((await gateway.admin('POST', '/admin/reload')).status, 200)
    await (await send(ann, modernCall('who'))).text()
    const stream = rawEvents(response)
    const events: string[] = []
    await openSession(ben).catch(() => {}) // something happens, or is refused
    await fetch(`${gateway.opsUrl}/admin/undrain`, {
      method: 'POST',
      headers: { authorization: 'Bearer another-one-0123456789abcdef' }
    })
    for await (const event of stream) events.push(event)
    t.notMatch(events.join('\n'), 'undrain', 'it heard nothing of what came after')
    const shown = await fetch(`${gateway.opsUrl}/admin/config`, {
      headers: { authorization: 'Bearer another-one-0123456789abcdef' }
    })
    const text = await shown.text()
    t.match(JSON.parse(text), {
      config: { ALLOWED_DOMAINS: ['example.com'], ADMIN_TOKEN: '(set)' }
    })
    for (const secret of ['hush', 'another-one', secrets.METRICS_TOKEN, gateway.adminToken])
      t.notMatch(text, secret)
  })
})
