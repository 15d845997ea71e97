import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import * as z from 'zod'
import { type GatewayHome, openGatewayHome } from '../helpers/gateway-home.ts'
import {
  call,
  type Endpoint,
  fixtureWorker,
  initialize,
  messageOf,
  openSession,
  send,
  textOf
} from '../helpers/mcp-http.ts'
import { smallDisk } from '../helpers/small-disk.ts'

// What an operator and people see of a database in trouble; docs/faults.md has it as a table. SQLite's codes are
// those of https://www.sqlite.org/rescode.html.

async function running(t: Test, settings: Record<string, string> = {}) {
  const home = await openGatewayHome(t, {
    users: 1,
    settings: { WORKER_ENTRY: fixtureWorker('tools'), ...settings }
  })
  const gateway = home.start()
  await gateway.said('"ready"')
  const to: Endpoint = { url: home.url, token: home.users[0]?.token ?? '' }
  const session = await openSession(to)
  return { home, gateway, to, session, path: home.settings.DATABASE_URL?.slice(7) ?? '' }
}

const echo = async (to: Endpoint, session: string): Promise<string | undefined> =>
  textOf(await messageOf(await send(to, { session, body: call('echo', { text: 'hi' }) })))

async function ready({ ops }: GatewayHome): Promise<string> {
  const response = await fetch(`${ops}/ready`)
  const { checks } = z
    .object({ checks: z.record(z.string(), z.string()) })
    .parse(await response.json())
  return `${response.status} ${checks.store}`
}

const trouble = async (home: GatewayHome, kind: string): Promise<number | undefined> =>
  (await home.metrics()).get(`gmail_mcp_store_trouble{kind="${kind}"}`)

/** A new session has to be stored. */
async function refusal(to: Endpoint) {
  const response = await send(to, { body: initialize() })
  const { error } = (await messageOf(response)) ?? {}
  return { status: response.status, retry: response.headers.get('retry-after'), error }
}

const disk = smallDisk('2m')
t.teardown(() => disk?.end())
t.test('the disk is full', { skip: disk ? false : 'nothing may be mounted here' }, async (t) => {
  if (!disk) return
  const DATABASE_URL = `sqlite:${join(disk.directory, 'state', 'gateway.sqlite')}`
  const { home, gateway, to, session } = await running(t, { DATABASE_URL })
  disk.fill()
  await gateway.said('The disk of the database is full')
  t.match(gateway.output(), /"level":50.*"store":"full"/)
  t.equal(await ready(home), '503 failing')
  t.equal(await trouble(home, 'full'), 1)
  t.equal(await echo(to, session), 'hi', 'who has a session works on')
  disk.empty()
  await gateway.said('the database works again')
  t.equal(await ready(home), '200 ok')
  t.equal(await trouble(home, 'full'), 0)
  await openSession(to)
})

const HELD_MS = 12_000

t.test('another program holds the lock for 12 s', async (t) => {
  const { home, gateway, to, session, path } = await running(t)
  const holder = spawn(
    process.execPath,
    [
      ...['--no-warnings', '--input-type=module', '-e'],
      `import { DatabaseSync } from 'node:sqlite'
       const database = new DatabaseSync(${JSON.stringify(path)}, { timeout: 10_000 })
       database.exec('BEGIN IMMEDIATE')
       console.log('locked')
       process.stdin.on('end', () => database.close()).resume()`
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] }
  )
  await once(holder.stdout, 'data')
  await home.metrics() // what the loop was late by so far counts no more
  let isHeld = true
  const released = setTimeout(HELD_MS).then(() => {
    isHeld = false
    holder.stdin.end()
  })
  const refusals: Awaited<ReturnType<typeof refusal>>[] = []
  const storing = (async () => {
    while (isHeld) refusals.push(await refusal(to))
  })()
  let answered = 0
  while (isHeld) {
    if ((await echo(to, session)) === 'hi') answered += 1
    if (answered === 5) {
      await gateway.said('Another program holds the lock of the database')
      t.match(gateway.output(), /"store":"locked","resultCode":5/)
      t.equal(await ready(home), '503 failing')
      t.equal(await trouble(home, 'locked'), 1)
    }
    await setTimeout(100)
  }
  const late = (await home.metrics()).get('gmail_mcp_event_loop_lag_seconds{stat="max"}') ?? 5
  t.ok(late < 4, `the loop waits for nobody: 5 s a write would be the lock's, it was ${late}`)
  await Promise.all([released, storing])
  t.ok(answered >= 10, `who has a session goes on: ${answered} calls were answered`)
  const atOnce = refusals.filter(({ status }) => status === 503)
  t.ok(atOnce.length > 0)
  for (const one of atOnce)
    t.match(one, {
      status: 503,
      retry: /^\d+$/, // RFC 9110, 10.2.3
      error: { message: 'The gateway cannot store anything now (its database is locked).' }
    })
  t.ok(
    refusals.length - atOnce.length <= 1,
    'the last one may have waited until it could be stored'
  )
  await gateway.said('the database works again')
  t.equal(await ready(home), '200 ok')
  t.equal(await trouble(home, 'locked'), 0)
  const errors = (await home.metrics()).get('gmail_mcp_store_errors_total{kind="locked"}') ?? 0
  t.ok(errors > 0, 'the alert sees it, whenever it looks')
  await openSession(to)
})

t.test('the database is deleted while it runs', async (t) => {
  const { home, gateway, to, session, path } = await running(t)
  for (const part of ['', '-wal', '-shm']) rmSync(`${path}${part}`, { force: true })
  await gateway.said('The file of the database is gone')
  t.equal(await ready(home), '503 failing')
  t.equal(await trouble(home, 'deleted'), 1)
  t.equal(await echo(to, session), 'hi', 'everybody works on with what the process has open')
  await openSession(to)
  gateway.kill('SIGTERM')
  t.equal(await gateway.gone, 0)
  t.notOk(existsSync(path), 'what was stored since is lost, as the log said')
})

t.test('the database may not be written at the start', async (t) => {
  const { home, gateway, path } = await running(t)
  gateway.kill('SIGTERM')
  await gateway.gone
  const isRoot = process.getuid?.() === 0
  chmodSync(path, 0o400)
  const again = home.start({}, isRoot ? ['setpriv', '--bounding-set=-all', '--inh-caps=-all'] : [])
  t.equal(await again.gone, 78)
  t.match(again.output(), /^DATABASE_URL: the file cannot be written/m)
  chmodSync(path, 0o600)
})
