import {
  chownSync,
  existsSync,
  globSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { connect, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import t from 'tap'
import { startSandbox } from '../../ops/sandbox/sandbox.ts'
import { openGatewayHome } from '../helpers/gateway-home.ts'
import {
  call,
  type Endpoint,
  fixtureWorker,
  messageOf,
  modernCall,
  openSession,
  send,
  textOf,
  until
} from '../helpers/mcp-http.ts'
import { notAsSomebodyElse } from '../helpers/somebody-else.ts'

// What an operator and people see when the machine, or Google, is in trouble; docs/faults.md has it as a table.

const [fakeTime] = globSync('/usr/lib/*/faketime/libfaketimeMT.so.1')
t.test(
  'the wall clock is put back and forth',
  { skip: fakeTime ? false : 'needs libfaketime' },
  async (t) => {
    const directory = t.testdir()
    const offset = join(directory, 'offset')
    /** Read at each look at the clock (faketime(1)). The monotonic clock goes on, as POSIX wants it. */
    const step = (by: string): void => {
      writeFileSync(`${offset}.new`, by)
      renameSync(`${offset}.new`, offset)
    }
    step('+0')
    const home = await openGatewayHome(t, {
      users: 1,
      settings: {
        WORKER_ENTRY: fixtureWorker('tools'),
        LD_PRELOAD: fakeTime ?? '',
        FAKETIME_TIMESTAMP_FILE: offset,
        FAKETIME_NO_CACHE: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1'
      }
    })
    const gateway = home.start()
    await gateway.said('"ready"')
    const to: Endpoint = { url: home.url, token: home.users[0]?.token ?? '' }
    const session = await openSession(to)
    const steps: [by: string, told: RegExp, direction: string][] = [
      ['-60', /"seconds":-60,.*the wall clock stepped/, 'back'],
      ['-10860', /"seconds":-10800,.*the wall clock stepped/, 'back'],
      ['-3660', /"seconds":7200,.*the wall clock stepped/, 'forward']
    ]
    for (const [by, told, direction] of steps) {
      const metric = `gmail_mcp_clock_steps_total{direction="${direction}"}`
      const before = (await home.metrics()).get(metric) ?? 0
      step(by)
      await until(() => told.test(gateway.output()))
      t.equal((await home.metrics()).get(metric), before + 1)
      for (const sent of [
        { session, body: call('echo', { text: by }) },
        modernCall('echo', { text: by })
      ]) {
        const response = await send(to, sent)
        t.equal(response.status, 200, `${by}: nobody is kept out`)
        t.equal(textOf(await messageOf(response)), by)
      }
      t.equal((await fetch(`${home.ops}/ready`)).status, 200)
    }
  }
)

const notLinux =
  process.platform === 'linux' ? false : 'all of 127.0.0.0/8 is this machine on Linux only'
t.test('file descriptors are used up by clients', { skip: notLinux }, async (t) => {
  const home = await openGatewayHome(t, {
    users: 1,
    settings: { WORKER_ENTRY: fixtureWorker('tools'), WORKER_LIMIT: '4' }
  })
  const gateway = home.start({}, ['prlimit', '--nofile=160'])
  await gateway.said('"ready"')
  t.match(gateway.output(), /few open files are allowed; raise LimitNOFILE or nofile/)
  const to: Endpoint = { url: home.url, token: home.users[0]?.token ?? '' }
  const session = await openSession(to)
  const stream = await send(to, { method: 'GET', session })
  const flood: Socket[] = []
  const floodFrom = (localAddress: string): void => {
    for (let n = 0; n < 150; n += 1)
      flood.push(
        connect({ port: home.port, host: '127.0.0.1', localAddress }).on('error', () => {})
      )
  }
  floodFrom('127.0.0.2')
  await gateway.said('one address has half of all that are allowed')
  t.equal(textOf(await messageOf(await send(to, modernCall('echo', { text: 'hi' })))), 'hi')
  floodFrom('127.0.0.3')
  await gateway.said('connections were closed: too many are open')
  t.equal((await fetch(`${home.ops}/ready`)).status, 200, 'operators have descriptors of their own')
  t.ok((await home.metrics()).size > 100)
  t.equal(stream.status, 200)
  for (const socket of flood) socket.destroy()
  await until(async () =>
    send(to, { session, body: call('echo', { text: 'again' }) }).then(
      async (response) => textOf(await messageOf(response)) === 'again',
      () => false
    )
  )
  await stream.body?.cancel()
})

// Root's gateway runs from the node that is installed, anybody else's from the copy itself.
for (const [who, under, skip] of [
  ['the gateway', [], false],
  [
    'somebody else’s gateway',
    ['setpriv', '--reuid=12345', '--regid=12345', '--clear-groups'],
    notAsSomebodyElse
  ]
] as const)
  t.test(`what clears temporary directories takes the node of ${who}`, { skip }, async (t) => {
    const home = await openGatewayHome(t, {
      users: 1,
      settings: { WORKER_ENTRY: fixtureWorker('tools') }
    })
    const directory = dirname(home.settings.SECRETS_FILE ?? '')
    if (under.length > 0)
      for (const name of ['.', ...readdirSync(directory, { recursive: true })])
        chownSync(join(directory, String(name)), 12345, 12345)
    const gateway = home.start({}, under)
    await gateway.said('"ready"')
    const to: Endpoint = { url: home.url, token: home.users[0]?.token ?? '' }
    const echo = async () =>
      textOf(await messageOf(await send(to, modernCall('echo', { text: 'hi' }))))
    t.equal(await echo(), 'hi')
    const run = home.settings.RUN_DIR ?? ''
    const copies = readdirSync(run).filter((name) => name.startsWith('node-'))
    t.equal(copies.length, 1, 'it lies in RUN_DIR')
    for (const copy of copies) rmSync(join(run, copy))
    for (const { id } of await home.workers()) await home.stopWorker(id)
    t.equal(await echo(), 'hi', 'the next start makes it again')
    gateway.kill('SIGTERM')
    await gateway.gone // tap's own notes keep somebody else's from ending with 0
    t.match(gateway.output(), '"stopped"')
    t.same(readdirSync(run), [], 'nothing is left')
  })

t.test('Google is away, and comes back', async (t) => {
  const users = [{ email: 'ada@sandbox.example' }]
  const stateFile = join(t.testdir(), 'google.json')
  let google = await startSandbox({ users, stateFile })
  const port = Number(new URL(google.url).port)
  t.teardown(() => google.close())
  const home = await openGatewayHome(t, { users: google, settings: {} })
  const gateway = home.start()
  await gateway.said('"ready"')
  const to: Endpoint = { url: home.url, token: home.users[0]?.token ?? '' }
  const profile = async () =>
    (await messageOf(await send(to, { body: call('get_profile') })))?.result as
      | { isError?: boolean; structuredContent?: Record<string, string> }
      | undefined
  t.notOk((await profile())?.isError)
  const sees = async (path: string) => (await fetch(`${home.ops}${path}`)).status

  await google.close()
  const refused = await profile()
  t.match(refused, { isError: true, structuredContent: { code: 'upstream_unavailable' } })
  await gateway.said('Google cannot be reached')
  t.match(gateway.output(), /"level":50.*"failed":\d+.*Google cannot be reached/)
  t.equal((await home.metrics()).get('gmail_mcp_google_away'), 1)
  t.equal(await sees('/ready'), 200, 'another gateway would not reach it either')

  google = await startSandbox({ users, stateFile, port })
  await until(async () => (await profile())?.isError !== true)
  await gateway.said('Google answers again')
  t.equal((await home.metrics()).get('gmail_mcp_google_away'), 0)
  t.ok(existsSync(stateFile))
})
