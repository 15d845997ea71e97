import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js'
import { createMcpHandler, InMemoryTransport } from '@modelcontextprotocol/server'
import t from 'tap'
import { ACCESS_LEVELS, type AccessLevel, covers, googleScopesFor } from '#shared/access-levels.ts'
import { TOOLS } from '../../../worker/tools/catalog.ts'
import { openGmailSession } from '../../helpers/gmail-session.ts'
import { modernRequest } from '../../helpers/mcp-http.ts'

const names = (level: AccessLevel) =>
  TOOLS.filter((tool) => covers(level, tool.level)).map(({ name }) => name)

t.test('every tool tells what it is, what it takes and what it answers', (t) => {
  for (const tool of TOOLS) {
    t.match(tool.annotations, {
      title: String,
      readOnlyHint: Boolean,
      destructiveHint: Boolean,
      idempotentHint: Boolean,
      openWorldHint: Boolean
    })
    t.ok(tool.description.length > 30, tool.name)
    t.match(tool.inputSchema(), { type: 'object', properties: Object })
    t.match(tool.outputSchema(), { type: 'object', properties: Object, anyOf: Array })
    t.equal(tool.inputSchema(), tool.inputSchema(), 'made once')
    if (tool.annotations.readOnlyHint) t.equal(tool.level, 'gmail.read', tool.name)
  }
  t.equal(new Set(TOOLS.map(({ name }) => name)).size, TOOLS.length)
  const SEEDS =
    'send_email draft_email read_email search_emails modify_email delete_email list_email_labels batch_modify_emails batch_delete_emails create_label update_label delete_label get_or_create_label download_attachment'
  for (const name of SEEDS.split(' '))
    t.ok(
      TOOLS.some((tool) => tool.name === name),
      name
    )
  t.end()
})

t.test("listed are the tools that Google's grant allows", async (t) => {
  for (const level of ACCESS_LEVELS) {
    const { client } = await openGmailSession(t, { level })
    const { tools } = await client.listTools()
    t.same(
      tools.map(({ name }) => name),
      names(level)
    )
  }
  t.notOk(names('gmail.draft').includes('send_email'))
  t.notOk(names('gmail.settings').includes('delete_email'))
  const { program, client } = await openGmailSession(t, { level: 'gmail.read' })
  program.granted(googleScopesFor('gmail.full'))
  t.equal((await client.listTools()).tools.length, TOOLS.length, 'a new grant shows at once')
  program.granted([])
  t.same((await client.listTools()).tools, [])
})

t.test('a token of too low a level is told which one is needed', async (t) => {
  const { program } = await openGmailSession(t, { level: 'gmail.full' })
  const handler = createMcpHandler(() => program.build(), { legacy: 'reject' })
  t.teardown(() => handler.close())
  const call = async (level: AccessLevel, name: string, args = {}) => {
    const response = await handler.fetch(modernRequest(name, args), {
      authInfo: {
        token: '',
        clientId: 'c',
        scopes: ACCESS_LEVELS.filter((each) => covers(level, each)),
        expiresAt: Date.now() / 1000 + 60,
        resourceMetadataUrl: 'https://h.test/.well-known/oauth-protected-resource/mcp'
      }
    })
    return { status: response.status, asks: response.headers.get('www-authenticate') ?? '' }
  }
  t.match(await call('gmail.read', 'send_email'), {
    status: 403,
    asks: /insufficient_scope.*gmail\.modify/
  })
  t.match(await call('gmail.modify', 'delete_email'), { status: 403, asks: /gmail\.full/ })
  t.match(await call('gmail.full', 'delete_email'), { status: 200 })
  t.match(await call('gmail.draft', 'reply_to_email', { asDraft: true }), { status: 200 })
  t.match(await call('gmail.draft', 'reply_to_email', { asDraft: false }), {
    status: 403,
    asks: /gmail\.modify/
  })
})

t.test('a grant that does not suffice at Google is told, and so is one that ended', async (t) => {
  const { call, sandbox, email } = await openGmailSession(t, { level: 'gmail.read' })
  const refused = await call('send_email', { to: ['bob@acme.test'], subject: 'x', body: 'x' })
  t.match(refused.data, { code: 'scope_insufficient', retryable: false, requiredScopes: Array })
  sandbox.faults.inject({ match: { method: 'getProfile' }, kind: 'rate403', times: 1 })
  t.match((await call('get_profile')).data, { emailAddress: email })
})

t.test('clients of the 2025 generation accept results and failures', async (t) => {
  const { program, sandbox, email } = await openGmailSession(t)
  sandbox.mailbox(email).deliver({ from: 'bo@out.test', subject: 'x', text: 'x' })
  const [here, there] = InMemoryTransport.createLinkedPair()
  await program.build().connect(there)
  const client = new OldClient({ name: 'old', version: '1' })
  await client.connect(here)
  t.teardown(() => client.close())
  t.match(client.getInstructions(), /never instructions to follow/)
  await client.listTools()
  const found = await client.callTool({ name: 'search_emails', arguments: { query: '' } })
  t.match(found.structuredContent, { emails: [{ subject: 'x' }] })
  for (const [name, args] of [
    ['search_emails', { query: 1 }],
    ['read_email', { messageId: '19ffffffffffffff' }],
    ['send_email', {}],
    ['delete_label', { id: 'nope' }]
  ] as const) {
    const failed = await client.callTool({ name, arguments: args })
    t.match(failed, {
      isError: true,
      structuredContent: { code: String, message: String, retryable: false },
      content: [{ type: 'text', text: /^(invalid_argument|not_found): / }]
    })
  }
  await t.rejects(client.callTool({ name: 'no_such_tool', arguments: {} }), /no_such_tool/)
})

t.test('no tool lets a caller choose account, place or credentials', async (t) => {
  const { call } = await openGmailSession(t)
  for (const { name } of TOOLS)
    for (const key of ['userId', 'email', 'storagePath', 'clientSecret', 'savePath'])
      t.match((await call(name, { [key]: 'x' })).data, {
        code: 'invalid_argument',
        message: new RegExp(`^${key} cannot be given: `)
      })
})

// Gemini CLI adds `wait_for_previous` to the schema of every tool, and sends it on.
t.test('arguments that a tool does not know are ignored, and named', async (t) => {
  const { call, program } = await openGmailSession(t)
  const [here, there] = InMemoryTransport.createLinkedPair()
  await program.build().connect(there)
  const client = new OldClient({ name: 'old', version: '1' })
  await client.connect(here)
  t.teardown(() => client.close())
  const result = await client.callTool({
    name: 'search_emails',
    arguments: { query: 'nothing', wait_for_previous: true, __proto: 1 }
  })
  t.match(result, { _meta: { ignoredArguments: ['wait_for_previous', '__proto'] } })
  t.notOk(result.isError)
  t.notOk((await client.callTool({ name: 'get_profile' }))._meta, 'none, none named')
  const many = Object.fromEntries(
    Array.from({ length: 50 }, (_, i) => [`${i}${'x'.repeat(99)}`, 1])
  )
  const bounded = await client.callTool({ name: 'get_profile', arguments: many })
  t.ok(JSON.stringify(bounded._meta).length < 1000, 'an answer does not grow with its question')
  for (const [name, args, meant] of [
    ['search_emails', { query: 'x', max_results: 3 }, 'maxResults'],
    ['send_email', { to: ['a@example.com'], subject: 's', body: 'b', dry_run: true }, 'dryRun'],
    ['read_email', { message_id: 'x' }, 'messageId']
  ] as const) {
    const { data } = await call(name, args)
    t.match(data, { code: 'invalid_argument', message: `did you mean ${meant}?` }, name)
  }
})

t.test('a cancelled call ends without an answer', async (t) => {
  const { call, sandbox, reported } = await openGmailSession(t)
  sandbox.faults.inject({ match: { method: 'getProfile' }, kind: 'slow', ms: 60_000, times: 1 })
  const cancelled = new AbortController()
  const waiting = call('get_profile', {}, cancelled.signal)
  setImmediate(() => cancelled.abort(new Error('enough')))
  await t.rejects(waiting, /enough/)
  t.same(reported, [])
})
