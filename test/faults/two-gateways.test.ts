import { readFileSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import * as z from 'zod'
import { freePort } from '../helpers/free-port.ts'
import { openGatewayHome } from '../helpers/gateway-home.ts'
import { call, type Endpoint, messageOf, openSession, send, textOf } from '../helpers/mcp-http.ts'
import { type PostgresServer, startPostgres, withoutPostgres } from '../helpers/postgres.ts'
import { isBelow, nodesOf } from '../helpers/processes.ts'
import { becomes } from '../helpers/until.ts'

const CANARY = fileURLToPath(new URL('../fixtures/workers/canary.ts', import.meta.url))
/** A lease, and the time in which another gateway asks for it again. */
const TAKEN_MS = 25_000

const skip =
  withoutPostgres ||
  (process.platform !== 'linux' && 'needs namespaces of Linux') ||
  (process.getuid?.() !== 0 && 'needs root, to make two machines of one')

const Workers = z.object({ workers: z.array(z.object({ inFlight: z.number() })) })
/** Longer than anybody waits for a block to count everywhere. */
const LONG_MS = 60_000

/** In process ids of its own a gateway is on another machine, as far as others can see. */
const ELSEWHERE = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc']

/** Two gateways over one database, each on a machine of its own. */
async function lab(t: Test) {
  const server: PostgresServer = await startPostgres(t)
  const home = await openGatewayHome(t, {
    users: 2,
    settings: { WORKER_ENTRY: CANARY, DATABASE_URL: await server.newDatabase() }
  })
  const directory = await mkdtemp(join(tmpdir(), 'gw-'))
  await chmod(directory, 0o711) // workers may be somebody else's
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const machine = async (name: string) => {
    const port = await freePort()
    const opsPort = await freePort()
    const gateway = home.start(
      {
        PORT: String(port),
        OPS_PORT: String(opsPort),
        PUBLIC_URL: `http://localhost:${port}`,
        RUN_DIR: join(directory, name)
      },
      ELSEWHERE
    )
    await gateway.said('"msg":"ready"')
    const pid = Number(
      readFileSync(`/proc/${gateway.pid}/task/${gateway.pid}/children`, 'utf8').split(' ')[0]
    )
    const me = (n: number): Endpoint => ({
      url: `http://localhost:${port}/mcp`,
      token: home.users[n]?.token ?? ''
    })
    const admin = async (method: string, path: string): Promise<unknown> => {
      const headers = { authorization: `Bearer ${home.settings.ADMIN_TOKEN}` }
      return (await fetch(`http://127.0.0.1:${opsPort}/admin/${path}`, { method, headers })).json()
    }
    return {
      ...gateway,
      pid,
      me,
      block: (n: number) => admin('POST', `users/${home.users[n]?.sub}/block`),
      inFlight: async () =>
        Workers.parse(await admin('GET', 'workers')).workers.some(({ inFlight }) => inFlight > 0)
    }
  }
  return { server, machine }
}

/** Which worker answers, by its pid; undefined where none does. */
async function ask(me: Endpoint, session: string): Promise<string | undefined> {
  const body = call('canary', { nonce: 'n', ms: 0 })
  const response = await send(me, { session, body })
  if (response.status !== 200) {
    await response.text()
    return undefined
  }
  return textOf(await messageOf(response))
}

t.test('two gateways on two machines over one database', { skip }, async (t) => {
  const { machine } = await lab(t)
  const first = await machine('first')
  const session = await openSession(first.me(0))
  const worker = await ask(first.me(0), session)
  t.ok(worker)
  const workers = nodesOf(CANARY).filter((pid) => isBelow(pid, first.pid))
  t.equal(workers.length, 1)
  const second = await machine('second')
  const other = await openSession(second.me(1))
  const worked = await ask(second.me(1), other)
  t.ok(worked)

  t.test('whoever stops in order is followed at once, with the sessions', async (t) => {
    process.kill(second.pid, 'SIGTERM')
    await second.gone
    const answer = await ask(first.me(1), other)
    t.ok(answer, 'the lease was given back: nobody waits for its end')
    t.not(answer, worked)
  })

  t.test('one that is stopped in its tracks is deposed, and does not serve again', async (t) => {
    const third = await machine('third')
    const body = call('canary', { nonce: 'n', ms: LONG_MS })
    const begun = send(first.me(0), { session, body }).then(
      ({ status }) => status,
      () => undefined
    )
    t.ok(await becomes(first.inFlight, (isThere) => isThere))
    process.kill(first.pid, 'SIGSTOP')
    const began = performance.now()
    let answer: string | undefined
    while (answer === undefined && performance.now() - began < TAKEN_MS)
      answer = await ask(third.me(0), session)
    t.ok(answer, 'the session goes on elsewhere')
    t.not(answer, worker)
    // Seen from outside: of the one that cannot end its worker, the worker, which was at work, has ended itself.
    t.notOk(nodesOf(CANARY).some((pid) => workers.includes(pid)))
    process.kill(first.pid, 'SIGCONT')
    t.equal(await ask(third.me(0), session), answer)
    t.equal(await ask(first.me(0), session), undefined)
    t.equal(await ask(third.me(0), session), answer, 'the one that woke has not taken it back')

    // What one gateway is told counts on the other, also for what is under way there.
    await begun
    const long = send(third.me(0), { session, body }).then(messageOf)
    t.ok(await becomes(third.inFlight, (isThere) => isThere))
    t.match(await first.block(0), { state: 'blocked' })
    t.match(
      await long,
      { error: { data: { code: /^ERR_ACC(OUNT_BLOCKED|ESS_ENDED)$/ } } },
      'before its time'
    )
    t.equal((await send(third.me(0), { session, body })).status, 403)
  })
})
