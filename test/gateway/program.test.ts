import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { openGatewayHome } from '../helpers/gateway-home.ts'
import {
  call,
  fixtureWorker,
  messageOf,
  modernCall,
  openSession,
  send,
  textOf,
  until
} from '../helpers/mcp-http.ts'
import { isAlive } from '../helpers/processes.ts'

t.test('it says in a sentence why it does not start', async (t) => {
  const home = await openGatewayHome(t, { users: 0, settings: {} })
  const directory = await mkdtemp(join(tmpdir(), 'gw-'))
  t.teardown(() => rm(directory, { recursive: true }))
  writeFileSync(join(directory, 'notes.txt'), 'These are my notes, and no database at all.')
  const open = join(directory, 'secrets.json')
  writeFileSync(open, '{}')
  chmodSync(open, 0o644)
  const busy = createServer().listen(0, '127.0.0.1')
  await once(busy, 'listening')
  t.teardown(() => void busy.close())
  const address = busy.address()
  const port = String(typeof address === 'object' ? address?.port : '')

  const cases: [changes: Record<string, string>, status: number, words: RegExp][] = [
    [
      { PORT: 'x', ADMIN_TOKEN: '' },
      78,
      /PORT must be.*\n.*ADMIN_TOKEN is not set|ADMIN_TOKEN is not set.*\n.*PORT must be/
    ],
    [{ SECRETS_FILE: open }, 78, /^ *-? ?SECRETS_FILE: other users can open it/m],
    [{ DATABASE_URL: `sqlite:${join(directory, 'notes.txt')}` }, 78, /^DATABASE_URL: /m],
    [{ PORT: port }, 69, new RegExp(`^PORT ${port} is in use`, 'm')],
    [{ OPS_PORT: port }, 69, new RegExp(`^OPS_PORT ${port} is in use`, 'm')]
  ]
  for (const [changes, status, words] of cases) {
    const gateway = home.start({ LOG_LEVEL: 'silent', ...changes })
    t.equal(await gateway.gone, status, JSON.stringify(Object.keys(changes)))
    t.match(gateway.output(), words)
    t.notMatch(gateway.output(), /\n\s+at /, 'no stack')
  }
})

t.test('--check tells everything that is wrong at once, and starts nothing', async (t) => {
  const home = await openGatewayHome(t, { users: 0, settings: {} })
  const check = async (changes: Record<string, string>) => {
    const env = { PATH: process.env.PATH, ...home.env, ...changes }
    const ended: { code?: number; stdout: string; stderr: string } = await promisify(execFile)(
      process.execPath,
      ['gateway/main.ts', '--check'],
      { env }
    ).catch((error) => error)
    return { code: ended.code ?? 0, stdout: ended.stdout, stderr: ended.stderr }
  }
  const RUN_DIR = join(dirname(home.env.SECRETS_FILE ?? ''), 'never-made')
  t.same(await check({ RUN_DIR }), { code: 0, stdout: 'The settings are right.\n', stderr: '' })
  t.notOk(existsSync(RUN_DIR), 'no run directory is made')

  const wrong = await check({
    ...{
      PORT: 'x',
      ALOWED_EMAILS: 'ann@example.com',
      TRUST_PROXY: 'nginx',
      WORKER_MEMORY: '16MiB'
    },
    ...{ OPERATORS_FILE: '/nowhere/operators.json' }
  })
  t.same([wrong.code, wrong.stdout], [78, ''])
  for (const said of [
    /PORT must be/,
    /ALOWED_EMAILS is no setting; did you mean ALLOWED_EMAILS\?/,
    /TRUST_PROXY must/,
    /WORKER_MEMORY must be at least 96MiB/
  ])
    t.match(wrong.stderr, said)
  // What stands in files is looked at as well, all of it.
  chmodSync(home.env.SECRETS_FILE ?? '', 0o644)
  const files = await check({
    OPERATORS_FILE: '/nowhere/operators.json',
    DATABASE_URL: 'mysql://x'
  })
  t.equal(files.code, 78)
  for (const said of [
    /SECRETS_FILE: other users can open it/,
    /OPERATORS_FILE: it cannot be read \(ENOENT\)/,
    /DATABASE_URL: only/
  ])
    t.match(files.stderr, said)
  chmodSync(home.env.SECRETS_FILE ?? '', 0o440)
  const group = await check({})
  t.equal(group.code, 0)
  t.match(group.stdout, /SECRETS_FILE: its group can read it.*\nThe settings are right\.\n$/)
})

t.test('it ends as it should', async (t) => {
  const settings = {
    WORKER_ENTRY: fixtureWorker('tools'),
    DRAIN_TIMEOUT: '5s',
    WARM_WORKERS: '1'
  }
  const home = await openGatewayHome(t, { users: 2, settings })
  const [ann, bob] = home.users.map(({ token }) => ({ url: home.url, token }))
  if (!ann || !bob) throw new Error('two people were asked for')
  let gateway = home.start()
  await gateway.said('"ready"')
  const session = await openSession(ann, 'cursor')

  t.test('SIGTERM: calls are answered, streams and stalled clients ended', async (t) => {
    const calls = [
      send(ann, { session, body: call('wait', { ms: 700, text: 'in time' }) }),
      send(bob, modernCall('wait', { ms: 700, text: 'in time' }))
    ]
    const stream = await send(ann, { method: 'GET', session })
    const stalled = connect(home.port, '127.0.0.1')
    stalled.on('error', () => {})
    stalled.write(
      `POST /mcp HTTP/1.1\r\nHost: localhost:${home.port}\r\nAuthorization: Bearer ${bob.token}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`
    )
    await until(async () => {
      const workers = await home.workers()
      return workers.filter(({ phase }) => phase === 'ready').length >= 2
    })
    const pids = (await home.workers()).map(({ pid }) => pid ?? 0)
    const startedAt = performance.now()
    gateway.kill('SIGTERM')
    t.same(await Promise.all(calls.map(async (one) => textOf(await messageOf(await one)))), [
      'in time',
      'in time'
    ])
    await stream.text().catch(() => {})
    t.equal(await gateway.gone, 0)
    t.ok(performance.now() - startedAt < 10_000, { took: performance.now() - startedAt })
    t.same(pids.filter(isAlive), [])
    stalled.destroy()
  })

  t.test('SIGKILL: no worker outlives it, and sessions go on', async (t) => {
    gateway = home.start()
    await gateway.said('"ready"')
    t.equal(
      textOf(await messageOf(await send(ann, { session, body: call('echo', { text: 'a' }) }))),
      'a'
    )
    const fresh = await openSession(bob)
    const waiting = await send(bob, {
      session: fresh,
      body: call('wait', { ms: 60_000, text: '' })
    })
    const pids = (await home.workers()).map(({ pid }) => pid ?? 0)
    t.ok(pids.length >= 2)
    const killedAt = performance.now()
    gateway.kill('SIGKILL')
    await until(() => !pids.some(isAlive))
    t.ok(performance.now() - killedAt < 2000)
    await t.rejects(waiting.text())
    t.equal(await gateway.gone, 'SIGKILL')

    gateway = home.start()
    await gateway.said('"ready"')
    const client = await messageOf(await send(ann, { session, body: call('client') }))
    t.match(JSON.parse(textOf(client) ?? ''), { name: 'cursor' })
    t.equal(
      textOf(
        await messageOf(await send(bob, { session: fresh, body: call('echo', { text: 'b' }) }))
      ),
      'b'
    )
  })

  t.test('SIGTERM for the whole group lets workers finish as well', async (t) => {
    const calling = send(ann, { session, body: call('wait', { ms: 700, text: 'in time' }) })
    t.equal((await calling).status, 200)
    for (const { pid } of await home.workers()) process.kill(pid ?? 0, 'SIGTERM')
    gateway.kill('SIGTERM')
    t.equal(textOf(await messageOf(await calling)), 'in time')
    t.equal(await gateway.gone, 0)
  })
})
