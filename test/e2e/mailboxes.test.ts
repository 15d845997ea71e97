import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import t, { type Test } from 'tap'
import { startSandbox } from '../../ops/sandbox/sandbox.ts'
import { linkMailboxes, tokenFor } from '../helpers/several-mailboxes.ts'
import { startGateway } from '../helpers/start-gateway.ts'
import { becomes } from '../helpers/until.ts'

const ADA = 'ada@sandbox.example'
const BEN = 'ben@sandbox.example'
const CEM = 'cem@sandbox.example'

const google = await startSandbox({
  users: [ADA, BEN, CEM].map((email) => ({ email, empty: true }))
})
const gateway = await startGateway({ google, level: 'gmail.full' })
t.teardown(async () => {
  await gateway.close()
  await google.close()
})
await linkMailboxes(gateway, [[ADA, BEN]])
const token = await tokenFor(gateway, [ADA, BEN])

const MODES = ['legacy', { pin: '2026-07-28' }] as const
const deliver = (to: string, subject: string) =>
  google.mailbox(to).deliver({ from: 'Eve <eve@out.test>', subject, text: `Of ${to}.` }).id

async function connect(t: Test, mode: (typeof MODES)[number], bearer = token) {
  const client = new Client(
    { name: 'test-assistant', version: '1' },
    { versionNegotiation: { mode }, capabilities: { elicitation: {} } }
  )
  client.setRequestHandler('elicitation/create', async () => ({ action: 'cancel' }))
  const requestInit = { headers: { authorization: `Bearer ${bearer}` } }
  const transport = new StreamableHTTPClientTransport(new URL(gateway.url), { requestInit })
  await client.connect(transport)
  t.teardown(() => client.close())
  const { tools } = await client.listTools()
  return {
    client,
    tools,
    transport,
    async call(name: string, args: Record<string, unknown>) {
      const {
        isError = false,
        content,
        structuredContent
      } = await client.callTool({
        name,
        arguments: args
      })
      const [first] = content
      const text = first?.type === 'text' ? first.text : ''
      return { isError, text, data: { ...Object(structuredContent) } }
    }
  }
}

for (const mode of MODES) {
  const era = typeof mode === 'string' ? mode : mode.pin
  t.test(
    `a connection (${era}) with two mailboxes: each call is for one, and says whose`,
    async (t) => {
      const { tools, call } = await connect(t, mode)
      const listed = tools.find(({ name }) => name === 'search_emails')
      t.match(listed?.inputSchema.properties?.account, { type: 'string', enum: [ADA, BEN] })
      t.ok(
        tools.every(({ inputSchema }) => Object.hasOwn(inputSchema.properties ?? {}, 'account')),
        'each tool for mail has it'
      )
      deliver(ADA, `To Ada ${era}`)
      const bens = deliver(BEN, `To Ben ${era}`)
      const query = `subject:${era}`
      t.match(await call('search_emails', { query }), {
        text: new RegExp(`^Account: ${ADA}\\n(?=[^]*To Ada)(?![^]*To Ben)`),
        data: { account: ADA, emails: [{ subject: `To Ada ${era}` }] }
      })
      t.match(await call('search_emails', { query, account: BEN.toUpperCase() }), {
        text: new RegExp(`^Account: ${BEN}\\n(?=[^]*To Ben)(?![^]*To Ada)`),
        data: { account: BEN, emails: [{ subject: `To Ben ${era}` }] }
      })
      const failed = await call('read_email', { messageId: bens })
      t.match(
        failed,
        { isError: true, data: { account: ADA } },
        'no mail of the other one is found'
      )
      t.match(await call('get_profile', { account: BEN }), { data: { emailAddress: BEN } })
      t.match(await call('get_profile', { account: CEM }), {
        isError: true,
        text: /account has to be one of ada@sandbox.example, ben@sandbox.example/
      })
      t.match(await call('get_profile', { account: 7 }), {
        isError: true,
        text: /invalid_argument/
      })
      const risky = await call('delete_email', { messageId: bens, account: BEN, confirm: true })
      t.equal(risky.isError, true, 'what is risky is asked about there too')
      t.ok(google.mailbox(BEN).message(bens))
    }
  )
}

t.test('a large call reaches its mailbox by the header that the younger era has', async (t) => {
  const draft = { to: [CEM], subject: 'Long', body: 'Word. '.repeat(20_000), account: BEN }
  const old = await connect(t, 'legacy')
  t.match(await old.call('draft_email', draft), { isError: true, text: /more than 64 KiB/ })
  t.notOk(google.mailbox(ADA).bySubject('Long'))
  const young = await connect(t, { pin: '2026-07-28' })
  t.match(await young.call('draft_email', draft), { isError: false, data: { account: BEN } })
  t.ok(google.mailbox(BEN).bySubject('Long'))
  t.notOk(google.mailbox(ADA).bySubject('Long'))
})

const post = async (headers: Record<string, string>, body: unknown, bearer = token) => {
  const response = await fetch(gateway.url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${bearer}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers
    },
    body: JSON.stringify(body)
  })
  return { headers: response.headers, text: await response.text() }
}
const profileOf = (account: string | undefined, id = 1) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name: 'get_profile', arguments: { ...(account !== undefined && { account }) } }
})

t.test('what is led to a mailbox that it does not name does nothing there', async (t) => {
  const { transport } = await connect(t, 'legacy')
  const session = {
    'mcp-session-id': transport.sessionId ?? '',
    'mcp-protocol-version': '2025-11-25'
  }
  const wrong = await post({ ...session, 'mcp-param-account': BEN }, profileOf(ADA))
  t.match(wrong.text, `"emailAddress":"${ADA}"`, 'what was read of a body counts, not its header')
  const unsaid = await post({ ...session, 'mcp-param-account': BEN }, profileOf(undefined))
  t.notMatch(unsaid.text, `"emailAddress":"${BEN}"`)
  const batch = await post({ ...session, 'mcp-protocol-version': '2025-03-26' }, [
    profileOf(ADA, 1),
    profileOf(BEN, 2)
  ])
  t.notMatch(batch.text, `"emailAddress":"${BEN}"`)
  const own = await tokenFor(gateway, [ADA])
  const alone = await connect(t, 'legacy', own)
  t.match(await alone.call('get_profile', { account: BEN }), {
    isError: true,
    text: /this connection has ada@sandbox.example alone/
  })
  t.match(await alone.call('get_profile', { account: ADA }), { data: { emailAddress: ADA } })
  t.notOk(Object.hasOwn(alone.tools[0]?.inputSchema.properties ?? {}, 'account'))
})

t.test('each mailbox has a process of its own, which knows no id of the session', async (t) => {
  const { call, transport } = await connect(t, 'legacy')
  const session = {
    'mcp-session-id': transport.sessionId ?? '',
    'mcp-protocol-version': '2025-11-25'
  }
  await call('get_profile', { account: BEN })
  const { body } = await gateway.admin('GET', '/admin/workers')
  const { workers } = body as { workers: { userId: string | null; pid: number }[] }
  const of = (email: string) =>
    workers.filter(({ userId }) => userId === google.users.find((one) => one.email === email)?.sub)
  t.equal(of(ADA).length, 1)
  t.equal(of(BEN).length, 1)
  t.not(of(ADA)[0]?.pid, of(BEN)[0]?.pid)
  t.equal(of(CEM).length, 0)
  const again = await post(session, profileOf(BEN))
  t.match(again.text, `"emailAddress":"${BEN}"`)
  t.equal(again.headers.get('mcp-session-id'), null)
  await transport.terminateSession()
  t.match((await post(session, profileOf(BEN))).text, 'Session not found')
})

t.test('who cancels a call cancels it where it runs', async (t) => {
  const { transport } = await connect(t, 'legacy')
  const session = {
    'mcp-session-id': transport.sessionId ?? '',
    'mcp-protocol-version': '2025-11-25'
  }
  await post(session, profileOf(BEN))
  google.faults.inject({
    kind: 'slow',
    match: { user: BEN },
    ms: 60_000,
    times: 1
  })
  const slow = post(session, profileOf(BEN, 7))
  const calls = async () => JSON.stringify((await gateway.admin('GET', '/admin/calls')).body)
  await becomes(calls, (text) => text.includes('get_profile'))
  const other = { method: 'notifications/cancelled', params: { requestId: 8 } }
  await post(session, { jsonrpc: '2.0', ...other })
  t.match(await calls(), 'get_profile', 'another id is another call')
  await post(session, {
    jsonrpc: '2.0',
    method: 'notifications/cancelled',
    params: { requestId: 7 }
  })
  t.notMatch((await slow).text, BEN, 'it ends without an answer (MCP 2025-11-25, Cancellation)')
  google.faults.clear()
})

t.test('the audit says who sent from whose mailbox', async (t) => {
  const { call } = await connect(t, 'legacy')
  const mail = { to: [CEM], subject: 'From Ben', body: 'x', account: BEN }
  t.match(await call('send_email', mail), { isError: false, data: { account: BEN } })
  t.ok(google.mailbox(BEN).bySubject('From Ben'))
  t.notOk(google.mailbox(ADA).bySubject('From Ben'))
  const [ada, ben] = [ADA, BEN].map((one) => google.users.find(({ email }) => email === one)?.sub)
  const audit = async () => JSON.stringify((await gateway.admin('GET', '/admin/audit')).body)
  const written = await becomes(audit, (text) => text.includes('send_from'))
  t.match(written, new RegExp(`"user:${ada}","action":"send_from","target":"${ben}"`))
  t.match(written, new RegExp(`"user:${ben}","action":"send","target":"recipients=1"`))
})

t.test('to take a mailbox away ends what uses it', async (t) => {
  const mine = await tokenFor(gateway, [ADA, BEN])
  const { call } = await connect(t, 'legacy', mine)
  t.match(await call('get_profile', { account: BEN }), { data: { emailAddress: BEN } })
  await gateway.admin('POST', `/admin/users/${google.users[1]?.sub}/block`)
  const blocked = await call('get_profile', { account: BEN })
  t.match(blocked, { isError: true }, 'blocked, it is no mailbox of the connection')
  t.match(await call('get_profile', {}), { data: { emailAddress: ADA } }, 'which goes on')
})
