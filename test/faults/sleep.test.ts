import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import * as z from 'zod'
import { asSessionId, asUserId } from '#shared/ids.ts'
import { openStore } from '../../gateway/store/store.ts'
import { startSandbox } from '../../ops/sandbox/sandbox.ts'
import { Browser } from '../helpers/browser.ts'
import {
  call,
  endpointOf,
  fixtureWorker,
  type Message,
  messageOf,
  modern,
  modernCall,
  openSession,
  type Person,
  peopleOf,
  rawEvents,
  send,
  textOf,
  until,
  workersOf
} from '../helpers/mcp-http.ts'
import { registryOver, seedSessions } from '../helpers/seed-sessions.ts'
import { ADA, OAuthClient, signInClient } from '../helpers/sign-in.ts'
import { startGateway, type TestGateway } from '../helpers/start-gateway.ts'

const CHANGED = 'notifications/tools/list_changed'
const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged'
const TOOLS = fixtureWorker('tools')
const Tools = z.object({ tools: z.array(z.object({ name: z.string() })) })

/** What arrives on an open stream: messages and comments. */
function hear(response: Response) {
  const stream = { methods: [] as string[], comments: 0, isOpen: true, status: response.status }
  const ended = (async () => {
    for await (const event of rawEvents(response)) {
      const message = /^data: (.+)$/m.exec(event)?.[1]
      if (message === undefined) stream.comments += 1
      else stream.methods.push((JSON.parse(message) as Message).method ?? 'an answer')
    }
  })()
  ended
    .catch(() => {}) // cut off when the gateway closes
    .finally(() => {
      stream.isOpen = false
    })
  return stream
}

const openStream = async (me: Person, session: string) =>
  hear(await send(me, { method: 'GET', session }))

const echo = async (me: Person, session: string, text: string) =>
  textOf(await messageOf(await send(me, { session, body: call('echo', { text }) })))

const LONG = { ms: 60_000, text: 'waited' }
const subscribe = modern('subscriptions/listen', { notifications: { toolsListChanged: true } })

/** The value of one series of the gateway's metrics. */
async function metric(gateway: TestGateway, series: string): Promise<number> {
  const line = (await gateway.metrics())
    .split('\n')
    .find((one) => one.startsWith(`gmail_mcp_${series} `))
  if (line === undefined) throw new Error(`there is no ${series}`)
  return Number(line.split(' ').at(-1))
}

const sessionsThatAre = (gateway: TestGateway, state: 'live' | 'hibernated') =>
  metric(gateway, `sessions{era="legacy",state="${state}"}`)

/** Sessions that were brought back, for whatever reason they slept. */
async function resumesOf(gateway: TestGateway): Promise<number> {
  const causes = ['crash', 'hibernation', 'deploy', 'migration']
  const counts = await Promise.all(
    causes.map((cause) => metric(gateway, `session_resumes_total{cause="${cause}",result="ok"}`))
  )
  return counts.reduce((sum, count) => sum + count, 0)
}

const starts = (gateway: TestGateway, path: 'cold' | 'warm') =>
  metric(gateway, `worker_spawn_duration_seconds_count{path="${path}",result="ok"}`)

const asleep = (gateway: TestGateway) => async () => (await workersOf(gateway)).length === 0

/** The pids of this process's children, among which are a gateway's workers. Linux only. */
const children = (): string[] => {
  const { pid } = process
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
}

const at = <T>(list: readonly T[], index: number): T => {
  const item = list[index]
  if (item === undefined) throw new Error(`there is no item ${index}`)
  return item
}

t.test('ten thousand sessions sleep, and fifty of them wake at twenty places', async (t) => {
  const settings = {
    WORKER_ENTRY: TOOLS,
    WORKER_LIMIT: '20',
    WORKER_IDLE: '3s',
    WORKER_START_TIMEOUT: '40s',
    QUEUE_WAIT: '40s'
  }
  const gateway = await startGateway({ settings, google: peopleOf(400) })
  t.teardown(() => gateway.close())
  const ids = await seedSessions(gateway.config.DATABASE_URL, gateway.users, 25)
  const people = gateway.users.map((_, index) => endpointOf(gateway, index))
  const openFor = (index: number, count: number) =>
    Promise.all(
      at(ids, index)
        .slice(0, count)
        .map((id) => openStream(at(people, index), id))
    )
  // Fifty people who will wake have four streams each, a hundred others have one.
  const awake = await Promise.all(Array.from({ length: 50 }, (_, index) => openFor(index, 4)))
  const others = await Promise.all(Array.from({ length: 100 }, (_, n) => openFor(50 + n, 1)))
  const streams = [...awake, ...others].flat()

  await t.test('asleep they cost no process', async (t) => {
    t.equal(streams.length, 300)
    t.ok(streams.every(({ status, isOpen }) => status === 200 && isOpen))
    t.same(await workersOf(gateway), [])
    if (process.platform === 'linux') t.same(children(), [])
    t.equal(await sessionsThatAre(gateway, 'live'), 0)
    t.equal(await sessionsThatAre(gateway, 'hibernated'), 10_000)
    t.equal(await metric(gateway, 'streams{kind="get"}'), 300)
  })

  await t.test('all who wake are served, on sessions with and without a stream', async (t) => {
    let most = 0
    let isOver = false
    const counting = (async () => {
      while (!isOver) most = Math.max(most, (await workersOf(gateway)).length)
    })()
    const answers = await Promise.all(
      awake.map(async (_, index) => {
        const session = at(at(ids, index), index % 8)
        return textOf(
          await messageOf(await send(at(people, index), { session, body: call('change') }))
        )
      })
    )
    isOver = true
    await counting
    t.same(new Set(answers), new Set(['announced']))
    t.ok(most <= 20, 'within the limit', { most })
    t.equal(await starts(gateway, 'cold'), 50, 'one start for each')
    t.ok((await sessionsThatAre(gateway, 'live')) > 0)
  })

  await t.test('each of their streams hears of it once, the others nothing', async (t) => {
    await until(() => awake.flat().every(({ methods }) => methods.length > 0))
    await until(asleep(gateway))
    t.same(new Set(awake.flat().map(({ methods }) => methods.join())), new Set([CHANGED]))
    t.same(new Set(others.flat().map(({ methods }) => methods.join())), new Set(['']))
    t.equal(await sessionsThatAre(gateway, 'live'), 0)
    t.equal(await sessionsThatAre(gateway, 'hibernated'), 10_000)
    const resumes = await resumesOf(gateway)
    // Four with a stream for everybody, and the called one of those who called on one without.
    const without = awake.filter((_, index) => index % 8 >= 4).length
    t.equal(resumes, 50 * 4 + without, 'each session was brought back once')
  })

  await t.test('and every stream is open and is kept alive', async (t) => {
    const before = streams.map(({ comments }) => comments)
    const heard = () => streams.every(({ comments }, index) => comments > at(before, index))
    await until(heard).catch(() => until(heard)) // it takes 15 s at most
    t.ok(streams.every(({ isOpen }) => isOpen))
    t.ok(heard())
    t.equal(await metric(gateway, 'streams{kind="get"}'), 300)
  })

  await t.test('one that is remembered costs less than 2 KiB', async (t) => {
    setFlagsFromString('--expose-gc')
    const collect: () => void = runInNewContext('gc')
    const store = await openStore(gateway.config.DATABASE_URL)
    const registry = registryOver(store)
    collect()
    const before = process.memoryUsage().heapUsed
    for (const [index, { sub }] of gateway.users.entries())
      for (const id of at(ids, index)) await registry.find(asSessionId(id), asUserId(sub))
    collect()
    const each = (process.memoryUsage().heapUsed - before) / 10_000
    t.comment(`${Math.round(each)} bytes for each session`)
    t.ok(each < 2048)
    await registry.close()
    await store.close()
  })
})

t.test(
  'what a worker says last is heard, though another one takes its place at once',
  async (t) => {
    const settings = { WORKER_ENTRY: TOOLS, WORKER_LIMIT: '1', QUEUE_WAIT: '20s' }
    const gateway = await startGateway({ settings, google: peopleOf(3) })
    t.teardown(() => gateway.close())
    const people = [0, 1, 2].map((index) => endpointOf(gateway, index))
    const all = await Promise.all(
      people.map(async (me) => {
        const session = await openSession(me)
        const get = await openStream(me, session)
        return { me, session, get, listen: hear(await send(me, subscribe)) }
      })
    )
    const rounds = 2
    for (let round = 0; round < rounds; round += 1) {
      const answers = all.map(({ me, session }) => send(me, { session, body: call('change') }))
      for (const answer of await Promise.all(answers))
        t.equal(textOf(await messageOf(answer)), 'announced')
    }
    const news = Array(rounds).fill(CHANGED)
    await until(() => all.every(({ listen }) => listen.methods.length > rounds)).catch(() => {})
    t.same(new Set(all.map(({ get }) => get.methods.join())), new Set([news.join()]))
    const withReceipt = [ACKNOWLEDGED, ...news].join()
    t.same(new Set(all.map(({ listen }) => listen.methods.join())), new Set([withReceipt]))
    t.ok(all.every(({ get, listen }) => get.isOpen && listen.isOpen))
  }
)

t.test('a grant that grows while its account sleeps is heard of once, by both eras', async (t) => {
  const google = await startSandbox({ users: [{ email: ADA, empty: true }] })
  const settings = { WORKER_IDLE: '1s' }
  const gateway = await startGateway({ google, level: 'gmail.read', settings })
  t.teardown(async () => {
    await gateway.close()
    await google.close()
  })
  const me = endpointOf(gateway, 0)
  const session = await openSession(me)
  const toolsOf = async (request: Parameters<typeof send>[1], token = me.token) => {
    const { result } = await messageOf(await send({ ...me, token }, request))
    return Tools.parse(result).tools.map(({ name }) => name)
  }
  const asLegacy = { session, body: { jsonrpc: '2.0', id: 1, method: 'tools/list' } }
  const before = await toolsOf(asLegacy)
  t.notOk(before.includes('send_email'))
  const get = await openStream(me, session)
  const listen = hear(await send(me, subscribe))
  await until(asleep(gateway))

  const client = await OAuthClient.register(gateway.origin)
  const choices = { email: ADA, level: 'gmail.modify' } as const
  const { access_token } = await signInClient(new Browser(), client, choices)
  await until(() => get.methods.length > 0 && listen.methods.length > 1)
  for (const request of [asLegacy, modern('tools/list')]) {
    t.same(await toolsOf(request), before, 'a token allows no more than before')
    const after = await toolsOf(request, access_token)
    t.ok(after.includes('send_email'))
    t.ok(before.every((name) => after.includes(name)))
  }
  await until(asleep(gateway))
  t.same(get.methods, [CHANGED])
  t.same(listen.methods, [ACKNOWLEDGED, CHANGED])
  t.ok(get.isOpen && listen.isOpen)
})

t.test('a warm worker is claimed and replaced, but not while the machine is full', async (t) => {
  const settings = {
    WORKER_ENTRY: TOOLS,
    WARM_WORKERS: '1',
    WORKER_LIMIT: '2',
    WORKER_IDLE: '400ms',
    QUEUE_WAIT: '1s'
  }
  const gateway = await startGateway({ settings, google: peopleOf(3) })
  t.teardown(() => gateway.close())
  const [ann, bob, cem] = [0, 1, 2].map((index) => endpointOf(gateway, index))
  if (!ann || !bob || !cem) throw new Error('somebody is missing')
  const warm = async () => (await workersOf(gateway)).filter(({ phase }) => phase === 'warm').length
  const isWarm = async () => (await warm()) === 1
  const waiting: Promise<Response>[] = []
  for (const [index, me] of [ann, bob].entries()) {
    await until(isWarm)
    const session = await openSession(me)
    waiting.push(send(me, { session, body: call('wait', LONG) }))
    t.equal(await starts(gateway, 'warm'), index + 1)
  }
  const answers = await Promise.all(waiting)
  let isRefused = false
  const refused = send(cem, modernCall('echo', { text: 'x' })).finally(() => {
    isRefused = true
  })
  const seen: number[] = []
  while (!isRefused) seen.push(await warm())
  t.equal((await refused).status, 503)
  t.same(new Set(seen), new Set([0]), 'every look finds it empty')
  t.equal(await starts(gateway, 'cold'), 0)

  for (const me of [ann, bob]) await (await send(me, modernCall('release'))).text()
  for (const answer of answers) t.equal(textOf(await messageOf(answer)), 'waited')
  await until(isWarm)
  t.equal(textOf(await messageOf(await send(cem, modernCall('echo', { text: 'now' })))), 'now')
  t.equal(await starts(gateway, 'warm'), 3)
})

t.test(
  'at the limit nobody loses a call: others wait, then are told when to come back',
  async (t) => {
    const settings = {
      WORKER_ENTRY: TOOLS,
      WORKER_LIMIT: '1',
      QUEUE_LIMIT: '1',
      QUEUE_WAIT: '1500ms'
    }
    const gateway = await startGateway({ settings, google: peopleOf(32) })
    t.teardown(() => gateway.close())
    const [ann, bob, ...others] = gateway.users.map((_, index) => endpointOf(gateway, index))
    if (!ann || !bob) throw new Error('somebody is missing')
    const session = await openSession(ann)
    const slow = await send(ann, { session, body: call('wait', LONG) })
    const began = performance.now()
    const queued = send(bob, modernCall('who'))
    await until(async () => (await metric(gateway, 'queue_depth')) === 1)

    const refused = await Promise.all(others.map((me) => send(me, modernCall('who'))))
    t.same(new Set(refused.map(({ status }) => status)), new Set([503]))
    const seconds = refused.map(({ headers }) => Number(headers.get('retry-after')))
    t.ok(
      seconds.every((n) => n >= 1 && n <= 4),
      { seconds }
    )
    t.ok(new Set(seconds).size > 1, 'they do not all come back together', { seconds })
    for (const answer of refused)
      t.match(await messageOf(answer), { error: { data: { code: 'ERR_QUEUE_FULL' } } })
    t.equal(await metric(gateway, 'rejected_total{reason="queue_full"}'), others.length)

    const late = await queued
    const waited = performance.now() - began
    t.equal(late.status, 503)
    t.ok(waited >= 1400 && waited < 5000, 'after the wait', { waited })
    t.match(late.headers.get('retry-after'), /^[1-4]$/)
    t.match(await messageOf(late), { error: { data: { code: 'ERR_WORKER_CAPACITY' } } })

    await (await send(ann, modernCall('release'))).text()
    t.equal(textOf(await messageOf(slow)), 'waited', 'the call in flight is answered')
    const next = await messageOf(await send(bob, modernCall('who')))
    t.match(textOf(next), /^\d+$/, 'an idle worker makes room at once')
    t.match(await workersOf(gateway), [{ userId: bob.sub }])
    t.equal(await echo(ann, session, 'back'), 'back', 'and its session goes on')
  }
)

t.test('what expires in its sleep stays dead when its account wakes', async (t) => {
  const settings = { WORKER_ENTRY: TOOLS, WORKER_IDLE: '500ms', SESSION_TTL: '2s' }
  const gateway = await startGateway({ settings })
  t.teardown(() => gateway.close())
  const me = { ...endpointOf(gateway, 0) }
  const [parked, silent] = [await openSession(me), await openSession(me)]
  const stream = await openStream(me, parked)
  t.equal(await sessionsThatAre(gateway, 'live'), 2)
  await until(asleep(gateway))
  t.equal(await sessionsThatAre(gateway, 'live'), 0)

  await until(() => !stream.isOpen) // the sweep comes every five seconds
  t.equal(await metric(gateway, 'sessions_ended_total{reason="expired"}'), 2)
  t.equal(await sessionsThatAre(gateway, 'hibernated'), 0)
  const fresh = await openSession(me)
  for (const session of [parked, silent])
    for (const method of ['POST', 'GET']) {
      const body = method === 'POST' ? { body: call('echo', { text: 'x' }) } : {}
      t.equal((await send(me, { method, session, ...body })).status, 404)
    }
  t.equal(await echo(me, fresh, 'alive'), 'alive')
  t.equal(await sessionsThatAre(gateway, 'live'), 1)
  t.equal(await resumesOf(gateway), 0)
})
