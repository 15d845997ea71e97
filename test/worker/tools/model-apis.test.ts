import { Client } from '@modelcontextprotocol/client'
import { createMcpHandler, InMemoryTransport, type McpServer } from '@modelcontextprotocol/server'
import t, { type Test } from 'tap'
import * as z from 'zod'
import { ACCESS_LEVELS, type AccessLevel } from '#shared/access-levels.ts'
import { systemClock } from '#shared/clock.ts'
import { createAnonymousProgram } from '../../../worker/server/anonymous-program.ts'
import { SIGN_IN_TOOLS } from '../../../worker/server/register-sign-in-tools.ts'
import { asListed } from '../../../worker/server/to-sdk-tool.ts'
import { openGmailSession } from '../../helpers/gmail-session.ts'
import {
  asStrict,
  type ListedTool,
  MODEL_APIS,
  type ModelApi,
  OPENAI_STRICT,
  refusals
} from './model-apis.ts'

/**
 * Tools whose arguments no strict schema of OpenAI can say, with the reason; a client has to send these non-strict.
 * None: further headers are a list of lines for this very reason.
 */
const NEVER_STRICT: Readonly<Record<string, string>> = {}

/** The lists that a client can be given, by who is asking. */
async function lists(t: Test): Promise<Map<string, readonly ListedTool[]>> {
  const found = new Map<string, readonly ListedTool[]>()
  for (const level of ACCESS_LEVELS) {
    const { client } = await openGmailSession(t, { level })
    found.set(level, (await client.listTools()).tools)
  }
  for (const level of ACCESS_LEVELS)
    found.set(`an application with ${level}`, await listedToApplication(t, level))
  const signIn = SIGN_IN_TOOLS.map(asListed)
  found.set('sign-in by tools', [...(found.get('gmail.full') ?? []), ...signIn])
  found.set('without a token', await listedBy(t, strangers()))
  return found
}

/** An application that signed in is shown what it could do with more, with a mark in the description. */
async function listedToApplication(t: Test, level: AccessLevel): Promise<readonly ListedTool[]> {
  const { program } = await openGmailSession(t)
  const handler = createMcpHandler(() => program.build(), { legacy: 'reject' })
  t.teardown(() => handler.close())
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {}
  }
  const request = new Request('http://x/mcp', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/list'
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: { _meta } })
  })
  const authInfo = { token: '', clientId: 'c', scopes: [level], extra: { credential: 'oauth' } }
  const text = await (await handler.fetch(request, { authInfo })).text()
  const { result } = Answer.parse(JSON.parse(text.replace(/^(event: .*\n)?data: /, '')))
  return result.tools
}

const Answer = z.object({
  result: z.object({
    tools: z.array(
      z.object({ name: z.string(), description: z.string(), inputSchema: z.looseObject({}) })
    )
  })
})

const strangers = (): McpServer => {
  const parts = {
    ask: () => Promise.reject(new Error('nobody is asked for a list')),
    clock: systemClock,
    report: { tool() {}, deduplicated() {} }
  }
  return createAnonymousProgram(parts, '0.0.0-test').build()
}

async function listedBy(t: Test, server: McpServer): Promise<readonly ListedTool[]> {
  const [here, there] = InMemoryTransport.createLinkedPair()
  await server.connect(there)
  const client = new Client({ name: 'test', version: '1' })
  await client.connect(here)
  t.teardown(() => client.close())
  return (await client.listTools()).tools
}

t.test('every model API takes every list of tools as it is', async (t) => {
  for (const [who, tools] of await lists(t)) {
    t.ok(tools.length > 3, who)
    if (who === 'an application with gmail.read')
      t.match(JSON.stringify(tools), /Needs access level gmail\.full/)
    for (const api of MODEL_APIS) {
      t.ok(tools.length <= api.maxTools, `${api.name}: ${who}`)
      const refused = tools.map((tool) => [tool.name, refusals(api, tool)] as const)
      t.same(
        refused.filter(([, why]) => why.length > 0),
        [],
        `${api.name} (${api.source}): ${who}`
      )
    }
  }
})

t.test('every list can be made strict, but for what is named here with its reason', async (t) => {
  for (const [who, tools] of await lists(t))
    for (const tool of tools) {
      const strict = { ...tool, inputSchema: asStrict(tool.inputSchema) }
      const isRefused = refusals(OPENAI_STRICT, strict).length > 0
      t.equal(isRefused, tool.name in NEVER_STRICT, `${who}: ${tool.name}`)
    }
})

t.test('the tables refuse what the APIs refuse', (t) => {
  const tool = (inputSchema: object) => ({ name: 'x', description: 'x', inputSchema })
  const of = (member: object) => tool({ type: 'object', properties: { a: member } })
  const gemini = named('Gemini function declarations')
  const anthropic = named('Anthropic tools')
  const openai = named('OpenAI functions')
  for (const api of [gemini, anthropic, openai]) {
    t.same(refusals(api, of({ type: 'string', propertyNames: {} })), ['propertyNames in root.a'])
    t.same(refusals(api, of({ type: 'array' })), ['no items in root.a'])
    t.same(refusals(api, { ...of({ type: 'string' }), name: 'a b' }), ['the name a b'])
    t.same(refusals(api, of({ type: 'string', pattern: '^(?!a)' })), ['pattern in root.a'])
    t.same(refusals(api, tool({ type: 'object', anyOf: [] })), ['anyOf at the root'])
  }
  t.same(refusals(gemini, of({ type: 'object', properties: {} })), ['no properties in root.a'])
  t.same(refusals(gemini, of({ type: 'string', format: 'email' })), ['format email in root.a'])
  t.same(refusals(gemini, of({ type: 'string', const: 'a' })), ['const in root.a'])
  t.same(refusals(anthropic, tool({ type: 'object', properties: { 'a b': { type: 'null' } } })), [
    'the name root.a b'
  ])
  t.same(refusals(OPENAI_STRICT, of({ type: 'string', maxLength: 3 })), [
    'an open object in root',
    'optional members in root',
    'maxLength in root.a'
  ])
  t.same(
    refusals(OPENAI_STRICT, tool(asStrict(of({ type: 'string', maxLength: 3 }).inputSchema))),
    []
  )
  const free = { type: 'object', additionalProperties: { type: 'string' } }
  t.same(refusals(OPENAI_STRICT, tool(asStrict(of(free).inputSchema))), [
    'an open object in root.a'
  ])
  t.end()

  function named(name: string): ModelApi {
    const api = MODEL_APIS.find((each) => each.name === name)
    if (!api) throw new Error(`no table for ${name}`)
    return api
  }
})

t.test('no schema of a tool says propertyNames, of a result either', async (t) => {
  const { client } = await openGmailSession(t)
  const { tools } = await client.listTools()
  t.notMatch(JSON.stringify(tools), /propertyNames/)
})

t.test('further headers are taken as lines, as an object and as text of either', async (t) => {
  const { call } = await openGmailSession(t)
  const sent = { to: ['bob@acme.test'], body: 'x' }
  const same = [
    ['X-Campaign: one', 'X-Two:2'],
    { 'X-Campaign': 'one', 'X-Two': '2' },
    JSON.stringify({ 'X-Campaign': 'one', 'X-Two': '2' }),
    JSON.stringify(['X-Campaign: one', 'X-Two: 2'])
  ]
  for (const [index, headers] of same.entries()) {
    const { data, text } = await call('send_email', { ...sent, subject: `h${index}`, headers })
    t.equal(data.code, undefined, text)
    const read = await call('read_email', {
      messageId: String(data.id),
      headers: ['X-Campaign', 'X-Two']
    })
    t.match(read.data, { headers: { 'X-Campaign': ['one'], 'X-Two': ['2'] } })
  }
  for (const headers of [
    ['Bcc: evil@out.test'],
    ['X-A: b\r\nBcc: evil@out.test'],
    ['X-A\r\nBcc: evil@out.test'],
    ['X-A'],
    [': x'],
    { 'X-A': 1 },
    { 'X-A: b\r\nBcc': 'evil@out.test' }
  ])
    t.match(
      (await call('send_email', { ...sent, subject: 'no', headers })).data,
      { code: 'invalid_argument' },
      JSON.stringify(headers)
    )
  t.same((await call('search_emails', { query: 'subject:no' })).data.emails, [], 'none was sent')
})
