import { createHash, randomBytes } from 'node:crypto'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import * as z from 'zod'
import { type Config, readConfig } from '../../../gateway/config/config.ts'
import {
  call,
  endpointOf,
  fixtureWorker,
  messageOf,
  modernCall,
  openSession,
  peopleOf,
  send,
  until
} from '../../helpers/mcp-http.ts'
import { startGateway } from '../../helpers/start-gateway.ts'

const Users = z.object({ users: z.array(z.object({ id: z.string(), email: z.string() })) })
const Calls = z.object({
  calls: z.array(z.object({ call: z.string(), tool: z.string().nullable(), seconds: z.number() }))
})

t.test('an operator sees people and calls, and can put them out', async (t) => {
  const directory = t.testdir()
  const anna = randomBytes(32).toString('base64url')
  const reader = randomBytes(32).toString('base64url')
  const scraper = randomBytes(32).toString('base64url')
  const sha256 = (token: string) => createHash('sha256').update(token).digest('hex')
  const operators = join(directory, 'operators.json')
  const entry = (name: string, role: string, token: string) => ({
    name,
    role,
    sha256: sha256(token)
  })
  const write = (...entries: object[]) =>
    writeFileSync(operators, JSON.stringify({ operators: entries }), { mode: 0o600 })
  write(
    entry('anna', 'admin', anna),
    entry('rita', 'read', reader),
    entry('prom', 'metrics', scraper)
  )
  let found: Config | undefined
  const gateway = await startGateway({
    settings: { WORKER_ENTRY: fixtureWorker('tools'), OPERATORS_FILE: operators },
    google: peopleOf(3),
    reread: () => found ?? gateway.config
  })
  t.teardown(() => gateway.close())
  const ask = async (method: string, path: string, token = anna) => {
    const response = await fetch(`${gateway.opsUrl}${path}`, {
      method,
      headers: { authorization: `bearer ${token}`, 'x-reason': 'a test' }
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.startsWith('application/json')
    return { status: response.status, text, body: isJson ? JSON.parse(text) : {} }
  }
  const [first, second, third] = [0, 1, 2].map((n) => endpointOf(gateway, n))
  if (!first || !second || !third) throw new Error('three people were made')

  t.test('each role may do its own', async (t) => {
    t.equal((await ask('GET', '/metrics', scraper)).status, 200)
    t.equal((await ask('GET', '/admin/users', scraper)).status, 403)
    t.equal((await ask('GET', '/admin/users', reader)).status, 200)
    t.equal((await ask('POST', `/admin/users/${first.sub}/block`, reader)).status, 403)
    t.equal((await ask('GET', '/admin/users', 'wrong')).status, 401)
  })

  t.test('people are listed, by id and by address', async (t) => {
    const { users } = Users.parse((await ask('GET', '/admin/users?limit=2')).body)
    t.equal(users.length, 2)
    const { id = '', email = '' } = users[0] ?? {}
    t.match((await ask('GET', `/admin/users/${id}`)).body, { id, email })
    t.match((await ask('GET', `/admin/users/${email.toUpperCase()}`)).body, { id, isAllowed: true })
    t.match(Users.parse((await ask('GET', `/admin/users?search=${email}`)).body).users, [{ id }])
    t.equal((await ask('GET', '/admin/users/nobody@example.com')).status, 404)
  })

  t.test('a call that hangs is seen with its age, and ended for its client', async (t) => {
    const session = await openSession(first)
    const waiting = send(first, { session, body: call('wait', { ms: 60_000, text: '' }, 'mine') })
    const calls = async () => Calls.parse((await ask('GET', '/admin/calls?tool=wait')).body).calls
    await until(async () => (await calls()).length === 1)
    t.equal((await ask('DELETE', '/admin/calls')).status, 400, 'all of them is no selection')
    t.match((await ask('DELETE', '/admin/calls?olderThan=3600')).body, { ended: [] })
    t.match((await ask('DELETE', `/admin/calls?user=${first.sub}`)).body, {
      ended: [{ tool: 'wait' }]
    })
    t.match(await messageOf(await waiting), { id: 'mine', error: { message: /operator ended/ } })
    t.same(await calls(), [])
    t.equal((await send(first, { session, body: call('who') })).status, 200, 'the worker stays')
  })

  t.test('who is blocked has nothing any more, until they are unblocked', async (t) => {
    const session = await openSession(second)
    const stream = await send(second, { method: 'GET', session })
    t.match((await ask('POST', `/admin/users/${second.sub}/block`)).body, { state: 'blocked' })
    await stream.text() // it ends
    t.equal((await send(second, modernCall('who'))).status, 403)
    t.equal((await ask('POST', `/admin/users/${second.sub}/block`)).status, 200, 'twice is once')
    t.equal((await ask('POST', `/admin/users/${second.sub}/unblock`)).status, 200)
    t.equal((await send(second, { session, body: call('who') })).status, 200, 'the session slept')
    t.match((await ask('GET', `/admin/users/${second.sub}`)).body, { usage: { calls: 2 } })
  })

  t.test('a reload puts out who is no longer named, and takes over operators', async (t) => {
    const { ADMIN_TOKEN = '', PUBLIC_URL, SECRETS_FILE } = gateway.config
    const settings = { GOOGLE_CLIENT_ID: 'i', GOOGLE_CLIENT_SECRET: 's', PUBLIC_URL, SECRETS_FILE }
    const named = join(directory, 'allowed')
    const emails = Users.parse((await ask('GET', '/admin/users')).body).users
    const keep = emails.filter(({ id }) => id !== third.sub).map(({ email }) => email)
    writeFileSync(named, `# who works here\n${keep.join('\n')}\n`)
    const stays = { ...settings, ADMIN_TOKEN, OPERATORS_FILE: operators }
    found = readConfig({ ...stays, ALLOWED_EMAILS_FILE: named, LOG_LEVEL: 'silent' })
    t.equal((await send(third, modernCall('who'))).status, 200)
    write(entry('rita', 'admin', reader))
    t.match((await ask('POST', '/admin/reload')).body, {
      allowed: { emails: 2 },
      operators: { admin: 2, read: 0 },
      putOut: 1
    })
    t.equal((await send(third, modernCall('who'))).status, 403)
    t.equal((await send(first, modernCall('who'))).status, 200)
    t.equal((await ask('GET', '/admin/users')).status, 401, 'anna is no operator any more')
    t.equal((await ask('POST', '/admin/drain', reader)).status, 200, 'rita may do more')
    chmodSync(operators, 0o666)
    t.match((await ask('POST', '/admin/reload', reader)).body, { error: { code: 'ERR_CONFIG' } })
    t.equal((await ask('GET', '/admin/users', reader)).status, 200, 'a bad file keeps the old')
    chmodSync(operators, 0o600)
  })

  t.test('a drained gateway takes no calls, and says so', async (t) => {
    const refused = await send(first, modernCall('who'))
    t.equal(refused.status, 503)
    t.ok(refused.headers.get('retry-after'))
    t.match((await ask('GET', '/ready', reader)).body, {
      ready: false,
      checks: { accepting: /drained/ }
    })
    t.equal((await ask('POST', '/admin/undrain', reader)).status, 200)
    t.equal((await send(first, modernCall('who'))).status, 200)
  })

  t.test('secrets are not in the settings that are shown', async (t) => {
    const { text } = await ask('GET', '/admin/config', reader)
    t.notMatch(text, String(gateway.config.ADMIN_TOKEN))
    t.match(text, '"ADMIN_TOKEN":"(set)"')
  })

  t.test('who is erased is forgotten, in the audit as well', async (t) => {
    t.match((await ask('DELETE', `/admin/users/${third.sub}`, reader)).body, { erased: third.sub })
    t.equal((await ask('GET', `/admin/users/${third.sub}`, reader)).status, 404)
    t.equal((await send(third, modernCall('who'))).status, 401)
    const { text } = await ask('GET', '/admin/audit?format=ndjson', reader)
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    t.match(lines[0], { actor: 'operator:rita', action: 'erase', target: 'user', reason: 'a test' })
    t.ok(lines.some(({ actor, action }) => actor === 'operator:anna' && action === 'block'))
    t.notMatch(text, third.sub)
  })
})
