import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import * as z from 'zod'
import {
  call,
  endpointOf,
  fixtureWorker,
  killWorkerOf,
  messageOf,
  modernCall,
  openSession,
  peopleOf,
  send,
  textOf,
  until,
  workersOf
} from '../../helpers/mcp-http.ts'
import { isAlive } from '../../helpers/processes.ts'
import { startGateway } from '../../helpers/start-gateway.ts'

const Failure = z.strictObject({
  error: z.strictObject({ code: z.string(), message: z.string(), requestId: z.string() })
})
const Sessions = z.object({
  sessions: z.array(
    z.strictObject({
      node: z.string().nullable(),
      handle: z.string().regex(/^s-[0-9a-f]{12}$/),
      userId: z.string(),
      email: z.string(),
      client: z.strictObject({ name: z.string(), version: z.string() }),
      era: z.literal('legacy'),
      protocolVersion: z.string(),
      state: z.enum(['live', 'hibernated']),
      workerId: z.string().nullable(),
      createdAt: z.iso.datetime(),
      lastSeenAt: z.iso.datetime(),
      requests: z.number(),
      inFlight: z.number(),
      streams: z.number()
    })
  ),
  nextCursor: z.string().optional()
})
const Ended = z.looseObject({
  inFlight: z.array(
    z.strictObject({ method: z.string(), tool: z.string().nullable(), startedAt: z.iso.datetime() })
  )
})

const Entries = z.object({
  entries: z.array(
    z.strictObject({
      at: z.iso.datetime(),
      actor: z.string(),
      action: z.string(),
      target: z.string(),
      reason: z.string().nullable(),
      requestId: z.string().nullable()
    })
  ),
  nextCursor: z.string().optional()
})

/** The series of a scrape: names and labels, without values. */
const seriesOf = (scrape: string) =>
  scrape
    .split('\n')
    .filter((line) => line.startsWith('gmail_mcp_'))
    .map((line) => line.slice(0, line.lastIndexOf(' ')))

t.test('the operators’ port', async (t) => {
  const directory = t.testdir()
  const settings = {
    WORKER_ENTRY: fixtureWorker('tools'),
    DATABASE_URL: `sqlite:${join(directory, 'state', 'gateway.sqlite')}`
  }
  const gateway = await startGateway({ settings, google: peopleOf(20) })
  t.teardown(() => gateway.close())
  const { adminToken, opsUrl } = gateway
  const ask = (method: string, path: string, headers: Record<string, string> = {}) =>
    fetch(`${opsUrl}${path}`, {
      method,
      headers: { authorization: `Bearer ${adminToken}`, ...headers }
    })
  const scrape = async () => (await ask('GET', '/metrics')).text()
  const atFirst = await scrape()

  t.test('tells strangers nothing', async (t) => {
    const guarded = [
      '/metrics',
      '/admin/sessions',
      '/sessions',
      '/admin/workers',
      '/admin/zzz',
      '/zzz'
    ]
    const wrong = [
      {},
      { authorization: 'Bearer wrong' },
      { authorization: adminToken },
      { cookie: `token=${adminToken}` }
    ]
    const seen = new Set<string>()
    for (const path of guarded) {
      for (const headers of wrong) {
        const response = await fetch(`${opsUrl}${path}`, { headers })
        t.equal(response.status, 401, path)
        t.match(response.headers.get('www-authenticate'), /^Bearer/)
        const { error } = Failure.parse(await response.json())
        t.equal(error.requestId, response.headers.get('x-request-id'))
        seen.add(`${error.code} ${error.message}`)
      }
    }
    t.equal(seen.size, 1, 'always the same')
    t.equal(
      (await fetch(`${opsUrl}/sessions/s-1?token=${adminToken}`, { method: 'DELETE' })).status,
      401
    )
    const preflight = await fetch(`${opsUrl}/admin/sessions`, {
      method: 'OPTIONS',
      headers: { origin: 'http://x.y' }
    })
    t.notOk(preflight.headers.get('access-control-allow-origin'))
    t.same(await (await fetch(`${opsUrl}/health`)).json(), { status: 'ok' })
    for (const path of ['/admin/sessions', '/metrics'])
      t.equal(
        (
          await fetch(`${gateway.origin}${path}`, {
            headers: { authorization: `Bearer ${adminToken}` }
          })
        ).status,
        404,
        'not on the public port'
      )
  })

  t.test('is ready when a worker can be started', async (t) => {
    const checks = { store: 'ok', keys: 'ok', worker: 'ok', accepting: 'ok' }
    const response = await fetch(`${opsUrl}/ready`)
    t.same(await response.json(), { ready: true, checks }, 'no details without a token')
    const detailed = await ask('GET', '/ready')
    t.match(await detailed.json(), { ready: true, checks, warnings: [], isolation: {} })
  })

  t.test('gives every failure one shape', async (t) => {
    const failures: [status: number, method: string, path: string][] = [
      [404, 'GET', '/admin/sessions/s-none'],
      [404, 'DELETE', '/admin/sessions/s-none'],
      [404, 'DELETE', '/sessions/s-none'],
      [404, 'GET', '/admin/workers/w-none'],
      [404, 'DELETE', '/admin/workers/w-none'],
      [404, 'GET', '/admin/zzz'],
      [400, 'GET', '/admin/sessions?limit=0'],
      [400, 'GET', '/admin/sessions?limit=x'],
      [400, 'GET', '/admin/sessions?state=asleep'],
      [400, 'GET', '/sessions?client=a&client=b'],
      [400, 'DELETE', '/admin/workers/w-1?mode=maybe'],
      [404, 'GET', `/admin/sessions/${'x'.repeat(90)}`]
    ]
    for (const [status, method, path] of failures) {
      const response = await ask(method, path)
      const body = await response.json()
      t.ok(Failure.safeParse(body).success, path, { body })
      if (path.length < 90) t.equal(response.status, status, path)
      else t.ok([400, 404].includes(response.status))
    }
    const odd = await ask('DELETE', '/admin/sessions/s-none', {
      'content-type': 'application/json'
    })
    t.equal(odd.status, 400, 'a bad request is not our failure')
    t.ok(Failure.safeParse(await odd.json()).success)
  })

  t.test('shows sessions in pages, without their ids', async (t) => {
    const ids: string[] = []
    for (let i = 0; i < 3; i += 1) ids.push(await openSession(endpointOf(gateway, 0), 'vscode'))
    const handles: string[] = []
    let cursor: string | undefined
    do {
      const query = cursor === undefined ? '' : `&cursor=${cursor}`
      const text = await (await ask('GET', `/admin/sessions?limit=2${query}`)).text()
      for (const id of ids) t.notMatch(text, id)
      const page = Sessions.parse(JSON.parse(text))
      handles.push(...page.sessions.map(({ handle }) => handle))
      cursor = page.nextCursor
    } while (cursor !== undefined)
    t.equal(new Set(handles).size, 3)
    const [handle] = handles
    const one = await (await ask('GET', `/admin/sessions/${handle}`)).json()
    t.match(one, {
      handle,
      client: { name: 'vscode' },
      state: 'live',
      email: 'person0@example.com'
    })
    t.same(await (await ask('GET', '/admin/sessions?user=nobody')).json(), { sessions: [] })
  })

  t.test('shows only the sessions that were asked for, in pages too', async (t) => {
    const me = endpointOf(gateway, 2)
    for (let i = 0; i < 2; i += 1) await openSession(me, 'zed & co')
    await killWorkerOf(gateway, me)
    const shown = async (query: string, path = '/admin/sessions') => {
      const answer = await ask('GET', `${path}?${query}`)
      const page = Sessions.parse(await answer.json())
      const names = page.sessions.map(({ client, state }) => `${client.name} ${state}`)
      return { names, next: page.nextCursor }
    }
    const [live, asleep] = ['vscode live', 'zed & co hibernated']
    for (const path of ['/admin/sessions', '/sessions']) {
      t.same((await shown('client=zed+%26+co', path)).names, [asleep, asleep])
      t.same((await shown('state=live', path)).names, [live, live, live])
      t.same((await shown('state=hibernated', path)).names, [asleep, asleep])
    }
    t.same((await shown('state=live&client=zed+%26+co')).names, [], 'all of it must hold')
    t.same((await shown('client=zed')).names, [], 'a name is a whole name')
    const first = await shown('state=hibernated&limit=1')
    const last = await shown(`state=hibernated&limit=1&cursor=${first.next}`)
    t.same([first.names, last.names, last.next], [[asleep], [asleep], undefined])
  })

  t.test('refuses a parameter that it does not know, in words', async (t) => {
    for (const path of ['/admin/sessions?usr=1', '/sessions?usr=1', '/admin/workers/w-1?usr=1']) {
      const method = path.includes('workers') ? 'DELETE' : 'GET'
      const answer = await ask(method, path)
      const { error } = Failure.parse(await answer.json())
      t.match([answer.status, error], [400, { code: 'ERR_BAD_REQUEST', message: /"usr"/ }], path)
    }
  })

  t.test('ends a session: what was in flight is answered, and told', async (t) => {
    const me = endpointOf(gateway, 1)
    const session = await openSession(me)
    const [listed] = Sessions.parse(
      await (await ask('GET', `/sessions?user=${me.sub}`)).json()
    ).sessions
    const waiting = await send(me, {
      session,
      body: call('wait', { ms: 60_000, text: '' }, 'mine')
    })
    const stream = await send(me, { method: 'GET', session })
    const askedAt = performance.now()
    const ended = await ask('DELETE', `/sessions/${listed?.handle}`, { 'x-reason': 'lost laptop' })
    const { inFlight } = Ended.parse(await ended.json())
    t.match(inFlight, [{ method: 'tools/call', tool: 'wait' }])
    t.match(await messageOf(waiting), { id: 'mine', error: { code: -32001, message: /ended/ } })
    t.match(await stream.text(), /^(retry: \d+\n\n)?$/, 'it ends without an event')
    t.ok(performance.now() - askedAt < 1500, 'at once')
    t.equal((await send(me, { session, body: call('who') })).status, 404)
    t.equal((await ask('DELETE', `/sessions/${listed?.handle}`)).status, 404, 'once')
    t.equal((await send(me, modernCall('who'))).status, 200, 'its worker stays')
  })

  t.test('ends a worker: answers when the process is gone', async (t) => {
    const me = endpointOf(gateway, 1)
    const session = await openSession(me)
    const find = async () => (await workersOf(gateway)).find(({ userId }) => userId === me.sub)
    const before = await find()
    const waiting = await send(me, { session, body: call('wait', { ms: 60_000, text: '' }) })
    const stopped = await ask('DELETE', `/admin/workers/${before?.id}?mode=now`, {
      'x-reason': 'it smells'
    })
    t.match(Ended.parse(await stopped.json()).inFlight, [{ tool: 'wait' }])
    t.notOk(isAlive(before?.pid ?? 0), 'it is no more')
    t.match(await messageOf(waiting), { error: { data: { code: 'ERR_WORKER_GONE' } } })
    t.match(textOf(await messageOf(await send(me, { session, body: call('who') }))), /^\d+$/)

    const again = await find()
    const finishing = await send(me, { session, body: call('wait', { ms: 300, text: 'done' }) })
    const drained = await ask('DELETE', `/admin/workers/${again?.id}`)
    t.equal(drained.status, 200)
    t.equal(textOf(await messageOf(finishing)), 'done', 'drain lets it finish')
    t.equal((await ask('DELETE', `/admin/workers/${again?.id}`)).status, 404)
  })

  t.test('writes down who did what and why', async (t) => {
    const page = async (query: string) =>
      Entries.parse(await (await ask('GET', `/admin/audit?${query}`)).json())
    const { entries } = await page('')
    t.match(entries, [
      { actor: 'admin', action: 'stop_worker', reason: null },
      { actor: 'admin', action: 'stop_worker', reason: 'it smells' },
      { actor: 'admin', action: 'end_session', reason: 'lost laptop', target: /^s-/ }
    ])
    const [last, worker, session] = entries
    const first = await page('limit=1')
    t.same(first.entries, [last])
    const rest = await page(`limit=2&cursor=${first.nextCursor}`)
    t.same(rest.entries, [worker, session], 'each once')
    const { entries: refused } = await page('action=operator_refused')
    t.match(refused, [{ actor: 'unknown', target: 'node' }], 'and who was not let in')
    t.same((await page('action=end_session')).entries, [session])
    t.same((await page(`target=${worker?.target}`)).entries, [worker])
    t.same(await page('actor=user:1'), { entries: [] })
    for (const query of ['limit=0', 'cursor=x', 'cursor=0', 'since=2026-01-01'])
      t.equal((await ask('GET', `/admin/audit?${query}`)).status, 400, query)
  })

  t.test('measures without learning who', async (t) => {
    const people = Array.from({ length: 20 }, (_, i) => endpointOf(gateway, i))
    for (const me of people.slice(0, 4)) t.equal((await send(me, modernCall('who'))).status, 200)
    await Promise.all(people.map((me) => send(me, { method: 'DELETE', session: 'none' })))
    await until(async () => (await scrape()).includes('http_in_flight_requests 0'))
    const later = await scrape()
    t.same(seriesOf(later), seriesOf(atFirst), 'the same series with 1 user and with 20')
    t.notMatch(later, /@|person|100000000000000000|s-[0-9a-f]{12}|w-[0-9a-f]{8}/)
    const families = new Set(
      seriesOf(atFirst).map((series) => series.replace(/(_bucket|_sum|_count)?(\{.*)?$/, ''))
    )
    for (const name of [
      'http_requests_total',
      'worker_exits_total',
      'sessions',
      'session_resumes_total',
      'misroutes_blocked_total',
      'rejected_total',
      'gmail_requests_total',
      'tool_calls_total',
      'streams',
      'workers',
      'admin_actions_total',
      'queue_depth'
    ])
      t.ok(families.has(`gmail_mcp_${name}`), name)
    const counters = atFirst.split('\n').filter((line) => /^gmail_mcp_\w+_total[{ ]/.test(line))
    t.ok(
      counters.every(
        (line) => line.endsWith(' 0') || line.includes('route="mcp"') || line.includes('proxied')
      ),
      'from 0'
    )
    t.match(later, 'gmail_mcp_misroutes_blocked_total 0')
    t.match(later, 'gmail_mcp_admin_actions_total{action="end_session",result="ok"} 1')
    t.match(later, /gmail_mcp_workers\{state="ready"\} [1-9]/)
  })
})

t.test('nothing that is secret is ever logged', async (t) => {
  const directory = t.testdir()
  const logFile = join(directory, 'log')
  const settings = { WORKER_ENTRY: fixtureWorker('tools'), LOG_LEVEL: 'debug', MAX_BODY: '64KiB' }
  const gateway = await startGateway({ settings, logFile, google: peopleOf(2) })
  const me = endpointOf(gateway, 0)
  const canary = 'canary-7c1f'
  const session = await openSession(me, canary)
  const said = { session, body: call('echo', { text: canary }, canary) }
  t.equal(textOf(await messageOf(await send(me, said))), canary)
  const others: Promise<Response>[] = [
    send(me, { session, body: call(canary, { a: canary }) }),
    send(me, { session, body: call('echo', { wrong: canary }) }),
    send(me, { session, body: `{"${canary}` }),
    send(me, { session: canary, body: call('who') }),
    send({ ...me, token: `${canary}-${'x'.repeat(30)}` }, { body: call('who') }),
    send(
      { ...me, url: `${me.url}?q=${canary}` },
      { session, body: call('fail', { text: canary }) }
    ),
    send({ ...me, url: `${gateway.origin}/${canary}?token=${me.token}` }, { body: {} }),
    send(me, { session, body: call('echo', { text: canary.repeat(10_000) }) }),
    send(me, { ...modernCall('echo', { text: canary }), session: canary }),
    send(endpointOf(gateway, 1), modernCall('die', { text: canary }, canary))
  ]
  for (const other of await Promise.all(others)) await other.text()
  const { body } = await gateway.admin('GET', '/admin/sessions')
  const [listed] = Sessions.parse(body).sessions
  await gateway.admin('DELETE', `/admin/sessions/${listed?.handle}`)
  await fetch(`${gateway.opsUrl}/admin/${canary}?x=${canary}`)
  await gateway.close()

  const log = await readFile(logFile, 'utf8')
  t.ok(log.includes('"worker ended"') && log.includes('"level":20'), 'it was listened to')
  for (const secret of [
    canary,
    session,
    me.token,
    gateway.adminToken,
    me.sub,
    'person0',
    'example.com'
  ])
    t.notOk(log.includes(secret), secret.slice(0, 10))
})
