import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import * as z from 'zod'
import { userHash } from '../../gateway/telemetry/events.ts'
import { startSandbox } from '../../ops/sandbox/sandbox.ts'
import {
  call,
  messageOf,
  messagesOf,
  modernCall,
  openSession,
  send,
  textOf,
  until
} from '../helpers/mcp-http.ts'
import { rawHttp } from '../helpers/raw-http.ts'
import { startGateway } from '../helpers/start-gateway.ts'

const ADA = 'ada@sandbox.example'
const TRACE = '0af7651916cd43dd8448eb211c80319c'

const Line = z.looseObject({ event: z.string().optional(), requestId: z.string().optional() })
const ErrorData = z.object({ requestId: z.string() })
const Entries = z.object({
  entries: z.array(
    z.looseObject({ actor: z.string(), target: z.string(), requestId: z.string().nullable() })
  )
})

async function build(t: Test) {
  const google = await startSandbox({ users: [{ email: ADA, empty: true }] })
  const logFile = join(t.testdir(), 'log')
  const gateway = await startGateway({
    google,
    logFile,
    settings: { LOG_LEVEL: 'info', CALL_RATE: '1', CALL_BURST: '40' }
  })
  t.teardown(async () => {
    await gateway.close()
    await google.close()
  })
  const lines = () =>
    readFileSync(logFile, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => Line.parse(JSON.parse(line)))
  /** The one line of a request, when it has been written. */
  const lineOf = async (id: string | null) => {
    await until(() => lines().some(({ requestId }) => requestId === id))
    const found = lines().filter(({ requestId }) => requestId === id)
    t.equal(found.length, 1, 'one line')
    return found[0]
  }
  return { google, gateway, lines, lineOf }
}

t.test('a call can be followed', async (t) => {
  const { google, gateway, lines, lineOf } = await build(t)
  const session = await openSession(gateway)
  const sub = google.users[0]?.sub ?? ''
  const user = userHash(sub)
  const use = (name: string, args: object, headers: Record<string, string> = {}) =>
    send(gateway, { session, body: call(name, args), headers })

  t.test('every response says its request’s name, also where nobody may enter', async (t) => {
    const named = async (path: string, init: RequestInit = {}) => {
      const headers = { 'x-request-id': 'mine-1', ...init.headers }
      const response = await fetch(`${gateway.origin}${path}`, {
        ...init,
        headers,
        redirect: 'manual'
      })
      await response.text()
      return response.headers.get('x-request-id')
    }
    for (const path of [
      '/health',
      '/mcp',
      '/',
      '/account',
      '/none',
      '/%zz',
      '/oauth/jwks',
      '/.well-known/oauth-authorization-server',
      '/attachments/none',
      '/oauth2callback',
      '/oauth/authorize?client_id=x'
    ])
      t.equal(await named(path), 'mine-1', path)
    t.equal(await named('/oauth/token', { method: 'POST', body: 'a=b' }), 'mine-1')
    t.equal(await named('/mcp', { method: 'OPTIONS' }), 'mine-1')
    const stream = await send(gateway, {
      method: 'GET',
      session,
      headers: { 'x-request-id': 'mine-2' }
    })
    t.equal(stream.headers.get('x-request-id'), 'mine-2')
    await stream.body?.cancel()
    for (const path of ['/health', '/ready', '/metrics', '/none']) {
      const response = await fetch(`${gateway.opsUrl}${path}`, {
        headers: { 'x-request-id': 'mine-3' }
      })
      t.equal(response.headers.get('x-request-id'), 'mine-3', path)
      await response.text()
    }
    const made = await fetch(`${gateway.origin}/health`, {
      headers: { 'x-request-id': 'not "mine"' }
    })
    t.match(made.headers.get('x-request-id'), /^[0-9a-f-]{36}$/)
    const broken = await rawHttp(gateway.config.PORT, 'BROKEN\r\n\r\n')
    t.match(broken, /^X-Request-Id: ([0-9a-f-]{36})\r\n[\s\S]*"requestId":"\1"/m)
  })

  t.test('a tool that fails for its caller', async (t) => {
    const traceparent = `00-${TRACE}-b7ad6b7169203331-01`
    const response = await use('read_email', { messageId: 'none' }, { traceparent })
    const id = response.headers.get('x-request-id')
    const { result } = await messageOf(response)
    t.ok(result?.isError)
    t.match(textOf({ result } as never), `Request: ${id}`)
    t.match(result?.structuredContent, { requestId: id })
    const line = await lineOf(id)
    t.match(line, {
      event: 'call_failed',
      level: 30,
      user,
      session: /^s-/,
      worker: /^w-/,
      trace: TRACE,
      method: 'tools/call',
      tool: 'read_email',
      fault: 'client',
      ms: Number
    })
    t.notMatch(JSON.stringify(line), /none|sandbox\.example/)
  })

  t.test('Gmail fails, once and for good', async (t) => {
    google.faults.inject({ kind: '503', match: { method: 'getProfile' }, times: 1 })
    const once = await use('get_profile', {})
    t.notOk((await messageOf(once)).result?.isError)
    t.match(await lineOf(once.headers.get('x-request-id')), {
      ...{ event: 'gmail_failed', user, gmail: 'getProfile', gmailStatus: 503, attempt: 1 },
      ms: Number
    })
    // A wait that is too long for a call.
    google.faults.inject({ kind: '429', match: { method: 'messages.send' }, retryAfter: 60 })
    const mail = { to: ['bea@elsewhere.example'], subject: 'x', body: 'y' }
    const failed = await use('send_email', mail, { 'x-request-id': 'of-a-proxy' })
    t.ok((await messageOf(failed)).result?.isError)
    google.faults.clear()
    await until(() =>
      lines().some(({ requestId, event }) => requestId === 'of-a-proxy' && event === 'call_failed')
    )
    const told = lines().filter(({ requestId }) => requestId === 'of-a-proxy')
    const [last] = told.filter(({ event }) => event === 'call_failed')
    t.match(last, {
      level: 40,
      fault: 'gmail',
      tool: 'send_email',
      gmailStatus: 429,
      attempt: Number
    })
    t.notMatch(JSON.stringify(told), /elsewhere/)
  })

  t.test('what is no tool and no method, in both eras', async (t) => {
    const odd = [
      use('no_such_tool', {}),
      send(gateway, modernCall('no_such_tool')),
      send(gateway, { session, body: { jsonrpc: '2.0', id: 7, method: 'no/such' } }),
      send(gateway, { session, body: '{' }),
      send(gateway, { session: 'none', body: call('get_profile') }),
      send(gateway, { body: 'x', headers: { 'content-type': 'text/plain' } })
    ]
    for (const response of await Promise.all(odd)) {
      const id = response.headers.get('x-request-id')
      const [{ error } = {}] = await messagesOf(response)
      t.equal(ErrorData.parse(error?.data).requestId, id, JSON.stringify(error))
      t.match(await lineOf(id), { event: 'call_failed', fault: 'client', error: String })
    }
    t.notMatch(JSON.stringify(lines()), /no_such|no\/such/, 'names that a client made up')
  })

  t.test('who sent mail, when, and to how many', async (t) => {
    const mail = {
      to: ['bea@elsewhere.example'],
      cc: ['cem@elsewhere.example'],
      subject: 'x',
      body: 'y'
    }
    const sent = await use('send_email', mail)
    t.notOk((await messageOf(sent)).result?.isError)
    t.notOk(
      (await messageOf(await use('send_email', mail))).result?.isError,
      'again, which sends nothing'
    )
    const audit = async () =>
      Entries.parse((await gateway.admin('GET', '/admin/audit?action=send')).body).entries
    await until(async () => (await audit()).length > 0)
    t.match(await audit(), [
      {
        actor: `user:${sub}`,
        target: 'recipients=2',
        reason: 'send_email',
        requestId: sent.headers.get('x-request-id')
      }
    ])
    t.notMatch(JSON.stringify(await audit()), /elsewhere/)
  })

  t.test('too many calls, of which only the first are told one by one', async (t) => {
    const asked = Array.from({ length: 80 }, () => send(gateway, modernCall('get_profile')))
    const refused = (await Promise.all(asked)).filter(({ status }) => status === 429)
    t.ok(refused.length > 20)
    await until(() => lines().filter(({ error }) => error === 'ERR_TOO_MANY_CALLS').length >= 20)
    t.match(
      lines().find(({ error }) => error === 'ERR_TOO_MANY_CALLS'),
      { user, fault: 'client' }
    )
    t.ok(lines().filter(({ error }) => error === 'ERR_TOO_MANY_CALLS').length < refused.length)
  })

  t.test('the lives of sessions, workers and leases', async (t) => {
    for (const event of ['session_started', 'worker_ready', 'lease_taken'])
      t.match(
        lines().find((line) => line.event === event),
        { user },
        event
      )
  })

  t.test('and the numbers tell whose fault it was', async (t) => {
    const scrape = await gateway.metrics()
    const numberOf = (series: string) =>
      Number(
        scrape
          .split('\n')
          .find((line) => line.startsWith(`${series} `))
          ?.split(' ')[1]
      )
    for (const outcome of ['ok', 'client', 'gmail'])
      t.ok(numberOf(`gmail_mcp_calls_total{outcome="${outcome}"}`) > 0, outcome)
    t.equal(numberOf('gmail_mcp_calls_total{outcome="server"}'), 0)
  })
})
