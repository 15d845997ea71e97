import { type ChildProcess, execFile, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener, request, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import * as z from 'zod'
import {
  createKeyring,
  loadKeyring,
  rotateKeyring,
  writeKeyring
} from '../../gateway/accounts/keyring.ts'
import { readConfig } from '../../gateway/config/config.ts'
import { examine } from '../../ops/doctor/examine.ts'
import type { Finding } from '../../ops/doctor/finding.ts'
import { lookAtPorts, tryWalls } from '../../ops/doctor/look-at-gateway.ts'
import { lookAtGoogle } from '../../ops/doctor/look-at-google.ts'
import { lookAtPublicUrl } from '../../ops/doctor/look-at-public-url.ts'
import { lookAtStore } from '../../ops/doctor/look-at-store.ts'
import { startSandbox } from '../../ops/sandbox/sandbox.ts'
import { reseal } from '../../ops/secrets/reseal.ts'
import { connectUsers } from '../helpers/connect-users.ts'
import { openGatewayHome } from '../helpers/gateway-home.ts'
import { fixtureWorker, modernCall, send } from '../helpers/mcp-http.ts'
import { startPostgres, withoutPostgres } from '../helpers/postgres.ts'
import { smallDisk } from '../helpers/small-disk.ts'
import { TEST_CERTIFICATE, TEST_KEY } from '../helpers/test-certificate.ts'

const google = await startSandbox({ users: [{ email: 'ada@example.com', empty: true }] })
t.teardown(() => google.close())
const home = await openGatewayHome(t, {
  users: google,
  settings: {
    WORKER_ENTRY: fixtureWorker('tools'),
    ALLOWED_DOMAINS: 'example.com',
    PATH: process.env.PATH ?? ''
  }
})
const databasePath = home.env.DATABASE_URL?.replace('sqlite:', '') ?? ''

type Found = Record<string, string>

/** `level: sentence` by name, several in their order. */
function byName(findings: readonly Finding[]): Found {
  const found: Found = {}
  for (const { name, level, said } of findings) {
    const line = `${level}: ${said}`
    found[name] = found[name] === undefined ? line : `${found[name]}\n${line}`
  }
  return found
}

/** Everything, and single looks, with these changes to the settings. */
const everything = async (changes: Found = {}) => byName(await examine({ ...home.env, ...changes }))
const configWith = (changes: Found) => readConfig({ ...home.env, ...changes })
const ofStore = async (changes: Found) => byName(await lookAtStore(configWith(changes)))
const ofGoogle = async (changes: Found) => byName(await lookAtGoogle(configWith(changes)))
const ofPublic = async (changes: Found) => byName(await lookAtPublicUrl(configWith(changes), true))
const ofPorts = async (changes: Found) => byName(await lookAtPorts(configWith(changes)))
const ofWalls = async (changes: Found) => byName(await tryWalls({ ...home.env, ...changes }))

async function serve(t: Test, answer: RequestListener, tls = false): Promise<string> {
  const server: Server = tls
    ? createTlsServer({ cert: TEST_CERTIFICATE, key: TEST_KEY }, answer)
    : createServer(answer)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `${tls ? 'https' : 'http'}://localhost:${(server.address() as AddressInfo).port}`
}

/** A copy of the database that a test may spoil. */
function copyOf(t: Test, directory = t.testdir()): string {
  mkdirSync(directory, { recursive: true })
  const path = join(directory, 'copy.sqlite')
  const database = new DatabaseSync(databasePath)
  database.prepare('VACUUM INTO ?').run(path)
  database.close()
  return path
}

t.test('before the first start, what is right is told as right', async (t) => {
  const all = await everything()
  t.match(all, {
    settings: 'ok: The settings are right.',
    people: /^ok: .* 0 addresses, 1 domains/,
    store: /^ok: The database is whole and can be written: 1 people, 0 sessions/,
    keys: 'ok: SECRETS_FILE opens all 1 stored Google grants.',
    google: /^ok: /,
    client: /^ok: /,
    gmail: 'ok: Gmail answers.',
    clock: /^ok: /,
    public: /^skip: No gateway runs/,
    gateway: /^skip: .* its ports are free/,
    walls: /^(ok|warn): /,
    worker: 'ok: A worker starts.'
  })
  const fresh = join(t.testdir(), 'state', 'gateway.sqlite')
  t.match(await ofStore({ DATABASE_URL: `sqlite:${fresh}` }), {
    store: 'ok: There is no database yet; the first start makes it.',
    keys: /^ok: .*nothing yet/
  })
  t.throws(() => statSync(fresh), 'and is not made by looking')
})

t.test('beside a running gateway it asks that one, and disturbs nothing', async (t) => {
  const gateway = home.start()
  await gateway.said('"ready"')
  const [ada] = home.users
  await (await send({ url: home.url, token: ada?.token ?? '' }, modernCall('who'))).text()
  const before = await home.workers()
  t.match(await everything(), {
    store: /^ok: /,
    public: 'ok: PUBLIC_URL leads to a gateway of this name.',
    gateway: /^ok: A gateway runs here and is ready\./,
    walls: /^(ok|warn): /
  })
  t.same(
    (await home.workers()).map(({ id }) => id),
    before.map(({ id }) => id)
  )
  t.match(await everything({ ADMIN_TOKEN: 'another-one-0123456789abcdef' }), {
    walls: /^skip: .*with a token only/
  })
  t.match(await ofPublic({}), { public: 'ok: PUBLIC_URL leads to a gateway of this name.' })
  const rewritesHost = await serve(t, (asked, response) => {
    const headers = { host: 'backend:3006' }
    request(`http://127.0.0.1:${home.port}${asked.url}`, { headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 0)
      answer.pipe(response)
    }).end()
  })
  t.match(await ofPublic({ PUBLIC_URL: rewritesHost }), {
    public: /^fail: PUBLIC_URL answers 403: the proxy does not pass the Host header on/
  })
  await fetch(`${home.ops}/admin/drain`, {
    method: 'POST',
    headers: { authorization: `Bearer ${home.env.ADMIN_TOKEN}` }
  })
  t.match(await everything(), { gateway: 'fail: Not ready, accepting: drained by an operator' })
  gateway.kill('SIGTERM')
  t.equal(await gateway.gone, 0)
})

t.test('keys that do not belong to the database', async (t) => {
  const directory = t.testdir()
  const other = join(directory, 'other.json')
  writeKeyring(other, createKeyring())
  t.match(await ofStore({ SECRETS_FILE: other }), {
    keys: /^fail: SECRETS_FILE is not the file .* none of 1 Google grants/
  })
  // An older copy, after a rotation and a new seal of one of two grants.
  const rotated = join(directory, 'rotated.json')
  writeKeyring(rotated, rotateKeyring(loadKeyring(home.env.SECRETS_FILE ?? '')))
  const path = copyOf(t, join(directory, 'db'))
  await reseal(rotated, `sqlite:${path}`)
  t.match(await ofStore({ DATABASE_URL: `sqlite:${path}`, SECRETS_FILE: rotated }), { keys: /^ok/ })
  t.match(await ofStore({ DATABASE_URL: `sqlite:${path}` }), { keys: /^fail: / })
  const open = join(directory, 'open.json')
  cpSync(rotated, open)
  execFileSync('chmod', ['644', open])
  t.match(await ofStore({ SECRETS_FILE: open }), {
    keys: /^fail: SECRETS_FILE: other users can open it/
  })
  t.match(await ofStore({ SECRETS_FILE: join(directory, 'none') }), {
    keys: /^fail: SECRETS_FILE: there is no such file/
  })
})

t.test('a database that cannot be used', async (t) => {
  const directory = t.testdir()
  const notes = join(directory, 'notes.sqlite')
  writeFileSync(notes, 'These are my notes, and no database at all. '.repeat(40))
  t.match(await ofStore({ DATABASE_URL: `sqlite:${notes}` }), {
    store: /^fail: .*not a SQLite database|^fail: .*damaged/
  })

  const path = copyOf(t, join(directory, 'locked'))
  const holder = new DatabaseSync(path)
  holder.exec('BEGIN IMMEDIATE')
  t.match(await ofStore({ DATABASE_URL: `sqlite:${path}` }), {
    store: /^fail: Another program holds the lock/,
    keys: /^ok/
  })
  holder.exec('ROLLBACK')
  holder.close()
})

t.test('a database on a disk that is read-only, and one that is all but full', async (t) => {
  const disk = smallDisk('2m')
  if (!disk) return t.comment('nothing may be mounted here')
  t.teardown(() => disk.end())
  const path = copyOf(t, join(disk.directory, 'state'))
  t.match(await ofStore({ DATABASE_URL: `sqlite:${path}` }), { store: /^warn: .*has \d MiB left/ })
  disk.fill()
  t.match(await ofStore({ DATABASE_URL: `sqlite:${path}` }), { store: /^fail: .*full/ })
  disk.empty()
  execFileSync('mount', ['-o', 'remount,ro', disk.directory])
  t.match(await ofStore({ DATABASE_URL: `sqlite:${path}` }), {
    store: /^fail: The database may not be written: .*read-only/
  })
  t.match(await ofStore({ DATABASE_URL: `sqlite:${join(dirname(path), 'new', 'x.sqlite')}` }), {
    store: /^fail: There is no database yet, and none can be made/
  })
})

t.test(
  'a PostgreSQL that is there, away, and only to be read',
  { skip: withoutPostgres },
  async (t) => {
    const server = await startPostgres(t)
    const DATABASE_URL = await server.newDatabase()
    t.match(await ofStore({ DATABASE_URL }), {
      store: /^ok: .*no tables of the gateway yet/,
      keys: /^ok/
    })
    const SECRETS_FILE = home.env.SECRETS_FILE ?? ''
    await connectUsers({ DATABASE_URL, SECRETS_FILE }, google, 'gmail.modify')
    t.match(await ofStore({ DATABASE_URL }), {
      store: 'ok: The database answers and can be written: 1 people.',
      keys: 'ok: SECRETS_FILE opens all 1 stored Google grants.'
    })
    const other = join(t.testdir(), 'other.json')
    writeKeyring(other, createKeyring())
    t.match(await ofStore({ DATABASE_URL, SECRETS_FILE: other }), { keys: /^fail: .*not the file/ })
    const name = new URL(DATABASE_URL).pathname.slice(1)
    await server.ask(`alter database "${name}" set default_transaction_read_only = on`)
    t.match(await ofStore({ DATABASE_URL }), { store: /^fail: The database may only be read/ })
    await server.kill()
    t.match(await ofStore({ DATABASE_URL }), { store: /^fail: The database cannot be reached/ })
  }
)

t.test('a Google that is away, does not know the client, or is another service', async (t) => {
  t.match(
    await ofGoogle({
      GOOGLE_ISSUER_URL: 'http://127.0.0.1:9',
      GMAIL_API_URL: 'http://127.0.0.1:9'
    }),
    {
      google: /^fail: The sign-in of Google cannot be reached \(nobody listens there\)/,
      client: /^skip/,
      gmail: /^fail: Gmail cannot be reached \(nobody listens there\)/,
      clock: /^skip/
    }
  )
  t.match(await ofGoogle({ GOOGLE_CLIENT_SECRET: 'GOCSPX-not-this-one' }), {
    client:
      /^fail: Google does not take GOOGLE_CLIENT_ID with GOOGLE_CLIENT_SECRET \(invalid_client\)/
  })
  const site = await serve(t, (_request, response) => void response.end('<h1>Hello</h1>'))
  t.match(await ofGoogle({ GOOGLE_ISSUER_URL: site, GMAIL_API_URL: site }), {
    google: /^fail: .*\(200\) is not the sign-in of Google/,
    gmail: /^fail: .*\(200 without a token\) is not Gmail/
  })
  const tls = await serve(t, (_request, response) => void response.end(), true)
  t.match(await ofGoogle({ GMAIL_API_URL: tls }), {
    gmail: /^fail: .*signed by itself; see NODE_EXTRA_CA_CERTS/
  })
})

t.test('a clock that is not Google’s', async (t) => {
  let aheadMs = 0
  let heldMs = 0
  const issuer = await serve(t, (request, response) => {
    response.setHeader('date', new Date(Date.now() + aheadMs - heldMs).toUTCString())
    if (heldMs > 0) response.setHeader('age', String(heldMs / 1000))
    response.setHeader('content-type', 'application/json')
    const body = request.url?.startsWith('/token')
      ? { error: 'redirect_uri_mismatch' }
      : { issuer, token_endpoint: `${issuer}/token` }
    response.end(JSON.stringify(body))
  })
  const look = async (ms: number) => {
    aheadMs = ms
    return ofGoogle({ GOOGLE_ISSUER_URL: issuer })
  }
  t.match(await look(1000), {
    clock: /^ok/,
    client: /^fail: .*not registered with .*\/oauth2callback/
  })
  heldMs = 600_000 // by a cache on the way: RFC 9111 §5.1
  t.match(await look(0), { clock: /^ok/ })
  t.match(await look(20_000), { clock: /^warn: The clock is (19|20|21|22) s behind Google’s/ })
  heldMs = 0
  t.match(await look(20_000), { clock: /^warn: The clock is (19|20|21) s behind Google’s/ })
  t.match(await look(-3 * 3600_000), {
    clock: /^fail: The clock is 10(799|800|801) s ahead of Google’s/
  })
})

t.test('a public address that leads elsewhere', async (t) => {
  const answers =
    (status: number, body: object): RequestListener =>
    (_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }
  const look = async (status: number, body: object) =>
    ofPublic({ PUBLIC_URL: await serve(t, answers(status, body)) })
  t.match(await look(200, { resource: 'https://old.example.com/mcp' }), {
    public: /^fail: .*calls itself https:\/\/old\.example\.com\./
  })
  t.match(await look(200, { hello: 'world' }), { public: /^fail: .*another service is there/ })
  t.match(await look(502, {}), { public: /^fail: .*502: the proxy does not reach the gateway at/ })
  t.match(await ofPublic({ PUBLIC_URL: 'http://127.0.0.1:9' }), {
    public: /^fail: .*nobody listens there/
  })
  const plain = await serve(t, answers(200, {}))
  t.match(await ofPublic({ PUBLIC_URL: plain.replace('http:', 'https:') }), {
    public: /^fail: .*does not speak TLS/,
    proxy: /^warn: .*TRUST_PROXY does not name it/
  })
  const tls = await serve(t, answers(200, {}), true)
  t.match(await ofPublic({ PUBLIC_URL: tls, TRUST_PROXY: '127.0.0.1' }), {
    public: /^fail: .*signed by itself/,
    proxy: undefined
  })
})

t.test('ports that other programs have, no walls, a worker that does not start', async (t) => {
  const [one, two] = await Promise.all(
    [1, 2].map(() => serve(t, (_request, response) => void response.end('hello')))
  )
  const [PORT, OPS_PORT] = [one, two].map((url) => new URL(url ?? '').port)
  const { gateway } = await ofPorts({ PORT: PORT ?? '', OPS_PORT: OPS_PORT ?? '' })
  t.match(gateway, `fail: PORT ${PORT} is in use by another program`)
  t.match(gateway, `fail: OPS_PORT ${OPS_PORT} is in use by another program`)
  const entry = join(t.testdir(), 'nothing.mjs')
  t.match(await ofWalls({ ISOLATION: 'none', WORKER_ENTRY: entry }), {
    walls: /^warn: NOTHING KEEPS WORKERS APART/,
    worker: /^fail: A worker does not start/
  })
})

const Report = z.strictObject({
  ok: z.boolean(),
  checks: z.array(
    z.strictObject({
      name: z.string(),
      level: z.enum(['ok', 'warn', 'fail', 'skip']),
      said: z.string().min(5)
    })
  )
})

t.test('the program: lines, JSON, exit codes, no secrets', async (t) => {
  const run = async (args: string[], changes: Record<string, string> = {}) => {
    const env = { ...home.env, PATH: process.env.PATH, ...changes }
    type Ended = { code?: number; stdout: string; stderr: string }
    const ended: Ended = await promisify(execFile)(process.execPath, ['ops/doctor.ts', ...args], {
      env
    }).catch((error: Ended & ChildProcess) => error)
    return { code: ended.code ?? 0, out: ended.stdout, err: ended.stderr }
  }
  const well = await run([])
  t.equal(well.code, 0, well.out)
  for (const line of well.out.trim().split('\n')) t.match(line, /^(ok|warn|skip) +[a-z]+ +[^ ]/)
  const SECRETS_FILE = join(t.testdir(), 'none.json')
  const ill = await run(['--json'], { GOOGLE_ISSUER_URL: 'http://127.0.0.1:9', SECRETS_FILE })
  t.equal(ill.code, 1)
  const { checks, ...rest } = Report.parse(JSON.parse(ill.out))
  t.same(rest, { ok: false })
  const levels = checks.map(({ name, level }) => `${name} ${level}`)
  for (const one of ['settings fail', 'google fail', 'gmail ok', 'walls skip'])
    t.ok(levels.includes(one), one, { levels })
  t.equal(levels.length, new Set(checks.map(({ said }) => said)).size, 'each sentence once')
  const wrong = await run([], { PORT: 'x', ALOWED_EMAILS: 'a@example.com' })
  t.equal(wrong.code, 1)
  t.match(
    wrong.out,
    /^fail +settings +PORT must be.*\n|ALOWED_EMAILS is no setting; did you mean ALLOWED_EMAILS\?/m
  )
  t.match(wrong.out, /^ok +store/m, 'the database is looked at all the same')
  const inFile = join(t.testdir(), 'database-url')
  writeFileSync(inFile, `${home.env.DATABASE_URL}\n`, { mode: 0o400 })
  const filed = await run([], { PORT: 'x', DATABASE_URL: '', DATABASE_URL_FILE: inFile })
  t.match(filed.out, /^ok +store +The database is whole.*: 1 people/m)
  t.equal((await run(['--jsn'])).code, 64)
  t.match((await run(['--help'])).out, /npm run doctor/)
  for (const { out, err } of [well, ill, wrong])
    for (const secret of [home.env.ADMIN_TOKEN ?? '', home.env.GOOGLE_CLIENT_SECRET ?? ''])
      t.notMatch(out + err, secret)
})
