import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import t from 'tap'
import * as z from 'zod'

const main = new URL('../../../ops/sandbox/main.ts', import.meta.url).pathname
const MODIFY = 'https://www.googleapis.com/auth/gmail.modify'

const Ready = z.object({
  url: z.string(),
  clientId: z.string(),
  clientSecret: z.string(),
  users: z.array(z.looseObject({ email: z.string(), sub: z.string() }))
})

/** Starts the program and waits for its line. */
const launch = async (environment: Record<string, string>) => {
  const child = spawn(process.execPath, [main], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.teardown(() => child.kill('SIGKILL'))
  const [line] = await once(createInterface(child.stdout), 'line')
  return { child, ready: Ready.parse(JSON.parse(line)) }
}

t.test('as a process it says where it is, is steered over HTTP, and ends on SIGTERM', async (t) => {
  const state = `${t.testdir()}/state.json`
  const { child, ready } = await launch({ SANDBOX_USERS: '2', SANDBOX_STATE: state })
  t.equal(ready.users.length, 2)
  const email = ready.users[0]?.email ?? ''
  const ask = async (method: string, path: string, body?: object, token?: string) => {
    const response = await fetch(ready.url + path, {
      method,
      ...(body ? { body: JSON.stringify(body) } : {}),
      headers: {
        ...(body ? { 'content-type': 'application/json' } : {}),
        ...(token ? { authorization: `Bearer ${token}` } : {})
      }
    })
    return { status: response.status, body: z.looseObject({}).parse(await response.json()) }
  }
  const grant = await ask('POST', '/sandbox/grants', { email, scopes: [MODIFY] })
  t.match(grant.body, { refreshToken: /^1\/\/0/, accessToken: /^ya29\./, expiresAt: Number })
  const token = String(grant.body.accessToken)
  const profile = () => ask('GET', '/gmail/v1/users/me/profile', undefined, token)
  t.match(await profile(), { status: 200, body: { emailAddress: email } })
  await ask('POST', '/sandbox/faults', { kind: '503', times: 5 })
  t.equal((await profile()).status, 503)
  await ask('DELETE', '/sandbox/faults')
  t.equal((await profile()).status, 200)
  const mail = { from: 'x@y.example', subject: 'By remote' }
  const { body: delivered } = await ask('POST', `/sandbox/mailboxes/${email}/deliver`, mail)
  const { body: box } = await ask('GET', `/sandbox/mailboxes/${email}/messages`)
  t.match(box.messages, [{ id: delivered.id, subject: 'By remote', labelIds: ['INBOX', 'UNREAD'] }])
  const { body: log } = await ask('GET', '/sandbox/requests')
  t.match(log.requests, [
    { method: 'getProfile', status: 200, user: email },
    { status: 503 },
    { status: 200 }
  ])
  await ask('POST', '/sandbox/grants/revoke', { email })
  t.equal((await profile()).status, 401)
  t.equal((await ask('POST', '/sandbox/faults', { kind: 'nonsense' })).status, 400)
  t.equal((await ask('GET', '/sandbox/mailboxes/nobody@y.example/messages')).status, 404)
  child.kill('SIGTERM')
  t.same(await once(child, 'exit'), [0, null])

  const again = await launch({ SANDBOX_USERS: '2', SANDBOX_STATE: state })
  const kept = await fetch(`${again.ready.url}/sandbox/mailboxes/${email}/messages`)
  t.match(await kept.json(), { messages: [{ id: delivered.id }] })
})
