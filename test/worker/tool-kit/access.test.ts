import { createMcpHandler } from '@modelcontextprotocol/server'
import t, { type Test } from 'tap'
import { ACCESS_LEVELS, type AccessLevel, covers } from '#shared/access-levels.ts'
import type { CREDENTIALS } from '#shared/internal-headers.ts'
import { TOOLS } from '../../../worker/tools/catalog.ts'
import { openGmailSession } from '../../helpers/gmail-session.ts'

type Credential = (typeof CREDENTIALS)[number]
type Session = Awaited<ReturnType<typeof openGmailSession>>

const NAMES = TOOLS.map(({ name }) => name)
const namesUpTo = (level: AccessLevel) =>
  TOOLS.filter((tool) => covers(level, tool.level)).map(({ name }) => name)

/** A request of 2026-07-28 as this caller. */
async function ask(
  t: Test,
  { program }: Pick<Session, 'program'>,
  caller: { level: AccessLevel; credential: Credential },
  method: string,
  params: Record<string, unknown> = {}
) {
  const handler = createMcpHandler(() => program.build(), { legacy: 'reject' })
  t.teardown(() => handler.close())
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': method
  }
  if (typeof params.name === 'string') headers['mcp-name'] = params.name
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {}
  }
  const response = await handler.fetch(
    new Request('http://x/mcp', {
      method: 'POST',
      headers,
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta } })
    }),
    {
      authInfo: {
        token: '',
        clientId: 'c',
        scopes: ACCESS_LEVELS.filter((each) => covers(caller.level, each)),
        expiresAt: Date.now() / 1000 + 60,
        extra: { credential: caller.credential }
      }
    }
  )
  const text = await response.text()
  const message = text.startsWith('{') ? text : (/^data: (\{.*)$/m.exec(text)?.[1] ?? '{}')
  return {
    status: response.status,
    challenge: response.headers.get('www-authenticate') ?? '',
    result: Object(JSON.parse(message).result)
  }
}

const listOf = async (...args: Parameters<typeof ask>) => {
  const { result } = await ask(...args)
  return result.tools as { name: string; description: string }[]
}

// MCP authorization, "Scope Challenge Handling": a client asks its person for more when a call is answered with 403.
// It calls only what is listed.

t.test(
  'an application that can ask for more sees what it could do then, and that it may not yet',
  async (t) => {
    const session = await openGmailSession(t, { level: 'gmail.modify' })
    const caller = { level: 'gmail.read', credential: 'oauth' } as const
    const tools = await listOf(t, session, caller, 'tools/list')
    t.same(
      tools.map(({ name }) => name),
      NAMES
    )
    for (const { name, description } of tools) {
      const level = TOOLS.find((tool) => tool.name === name)?.level ?? 'gmail.full'
      const mark = `[Needs access level ${level}, which`
      t.equal(description.startsWith(mark), level !== 'gmail.read', name)
      t.ok(description.length <= 1024, name)
    }
    const settings = { level: 'gmail.settings', credential: 'oauth' } as const
    const held = await listOf(t, session, settings, 'tools/list')
    t.match(
      held.find(({ name }) => name === 'create_filter')?.description,
      /^\[Needs access level gmail.settings/,
      'what Google does not grant is not held, whatever the token says'
    )
  }
)

t.test('what cannot ask for more sees what it may do and no more', async (t) => {
  const session = await openGmailSession(t, { level: 'gmail.modify' })
  for (const credential of ['personal', 'session'] as const) {
    for (const [level, seen] of [
      ['gmail.read', 'gmail.read'],
      ['gmail.modify', 'gmail.modify'],
      ['gmail.full', 'gmail.modify']
    ] as const) {
      const tools = await listOf(t, session, { level, credential }, 'tools/list')
      t.same(
        tools.map(({ name }) => name),
        namesUpTo(seen),
        `${credential} ${level}`
      )
      t.notMatch(JSON.stringify(tools), 'Needs access level')
    }
  }
})

t.test('the operator may have nothing listed that is not held', async (t) => {
  const session = await openGmailSession(t, { level: 'gmail.full', listsHigher: false })
  const tools = await listOf(t, session, { level: 'gmail.read', credential: 'oauth' }, 'tools/list')
  t.same(
    tools.map(({ name }) => name),
    namesUpTo('gmail.read')
  )
})

t.test('get_profile says what the caller may do, not what the account granted', async (t) => {
  const session = await openGmailSession(t, { level: 'gmail.modify' })
  for (const [credential, level, held] of [
    ['personal', 'gmail.read', 'gmail.read'],
    ['oauth', 'gmail.draft', 'gmail.draft'],
    ['oauth', 'gmail.full', 'gmail.modify']
  ] as const) {
    const { result } = await ask(t, session, { level, credential }, 'tools/call', {
      name: 'get_profile',
      arguments: {}
    })
    t.equal(result.structuredContent.level, held)
    t.match(result.content[0].text, `Access: ${held}.`)
    const modifies = result.structuredContent.scopes.some((scope: string) => /modify/.test(scope))
    t.equal(modifies, held === 'gmail.modify', 'nor the scopes of others')
  }
})

t.test('a refusal says what is needed, what is held, and where more is to be had', async (t) => {
  const session = await openGmailSession(t, {
    level: 'gmail.modify',
    accountUrl: 'https://h.test/account'
  })
  const refusal = async (credential: Credential, level: AccessLevel, name: string) =>
    ask(t, session, { level, credential }, 'tools/call', { name, arguments: {} })
  const send = await refusal('oauth', 'gmail.read', 'send_email')
  t.equal(send.status, 403)
  t.match(send.challenge, 'scope="gmail.modify"')
  t.match(
    send.challenge,
    /error_description="send_email needs access level gmail\.modify, and this application has gmail\.read\. Sign in again[^"]*https:\/\/h\.test\/account\."/
  )
  t.match(
    (await refusal('personal', 'gmail.read', 'send_email')).challenge,
    'Make a token with more access at https://h.test/account.'
  )
  t.match((await refusal('session', 'gmail.read', 'send_email')).challenge, 'Call get_auth_url')
  t.match(
    await refusal('oauth', 'gmail.full', 'create_filter'),
    { status: 403, challenge: 'this application has gmail.modify' },
    'what Google withholds is asked for again as well'
  )
  t.equal(
    (await refusal('personal', 'gmail.full', 'create_filter')).status,
    200,
    'as a failure of the tool'
  )
})
