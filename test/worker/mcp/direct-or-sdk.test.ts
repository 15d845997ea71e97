/**
 * Usual requests are served without the SDK's transport. Whoever asks must not notice: each request is answered with the
 * same status and the same message both ways. What is right is what the SDK's transport says (MCP 2025-11-25, Streamable HTTP).
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { McpServer } from '@modelcontextprotocol/server'
import t, { type Test } from 'tap'
import * as z from 'zod'
import { asSessionId } from '#shared/ids.ts'
import { PRINCIPAL_HEADER, UNREAD_HEADER } from '#shared/internal-headers.ts'
import { answerRequests } from '../../../worker/http/request-listener.ts'
import { createEndpoint } from '../../../worker/mcp/endpoint.ts'

const ID = asSessionId('a-session')
const INITIALIZE = {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'test', version: '1' }
}

function build(): McpServer {
  const server = new McpServer({ name: 'test', version: '1' })
  server.registerTool('echo', { inputSchema: z.object({ text: z.string() }) }, ({ text }) => ({
    content: [{ type: 'text' as const, text }]
  }))
  const scopeChallenge = () => ({ scopes: ['more'] as const })
  server.registerTool('refused', { scopeChallenge }, () => ({ content: [] }))
  return server
}

async function start(t: Test) {
  const record = { opened: async () => {}, abandoned() {} }
  const endpoint = createEndpoint(build, record, () => {})
  await endpoint.sessions.restore(ID, INITIALIZE)
  let direct = 0
  const counted = {
    ...endpoint,
    async serveDirectly(...request: Parameters<typeof endpoint.serveDirectly>) {
      const isServed = await endpoint.serveDirectly(...request)
      if (isServed) direct += 1
      return isServed
    }
  }
  const serve = answerRequests({
    resourceMetadataUrl: 'http://localhost/meta',
    serving: () => ({ endpoint: counted, fetchAttachment: undefined, receiveUpload: undefined }),
    tell() {}
  })
  const server = createServer((request, response) => void serve(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    await endpoint.close()
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo // of a server that listens on TCP
  const ask = async (body: string, headers: Record<string, string>) => {
    const response = await fetch(`http://127.0.0.1:${port}/mcp`, { method: 'POST', body, headers })
    const text = await response.text()
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true
    const message = isStream ? /^data: (.*)$/m.exec(text)?.[1] : text
    return {
      status: response.status,
      session: response.headers.get('mcp-session-id'),
      challenge: response.headers.get('www-authenticate'),
      message: message ? withoutRequestId(JSON.parse(message)) : undefined
    }
  }
  return { ask, direct: () => direct }
}

/** Both name the HTTP request, which is another one. */
const withoutRequestId = (message: unknown): unknown =>
  JSON.parse(JSON.stringify(message, (key, value: unknown) => (key === 'requestId' ? 0 : value)))

const HEADERS = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  'mcp-session-id': ID,
  'mcp-protocol-version': '2025-11-25',
  [PRINCIPAL_HEADER]: JSON.stringify({
    clientId: 'c',
    credential: 'oauth',
    expiresAt: 4_000_000_000
  })
}
const CALL = {
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'echo', arguments: { text: 'a' } }
}
const withParams = (params: object) => JSON.stringify({ ...CALL, params })

t.test('a request is answered alike with and without the transport of the SDK', async (t) => {
  const { ask, direct } = await start(t)
  const bodies = [
    JSON.stringify(CALL),
    `\ufeff${JSON.stringify(CALL)}`,
    JSON.stringify({ ...CALL, id: 'a' }),
    JSON.stringify({ ...CALL, id: 2 ** 60 }),
    JSON.stringify({ ...CALL, id: null }),
    JSON.stringify({ ...CALL, jsonrpc: '1.0' }),
    JSON.stringify({ ...CALL, extra: 1 }),
    JSON.stringify({ ...CALL, method: 'tools/unknown' }),
    withParams({ name: 'echo' }),
    withParams({ name: 'echo', arguments: {} }),
    withParams({ name: 'echo', arguments: { text: 1 } }),
    withParams({ name: 'echo', arguments: { text: null } }),
    withParams({ name: 'echo', arguments: null }),
    withParams({ name: 'echo', arguments: '{"text":"b"}' }),
    withParams({ name: 'echo', arguments: { text: 'a', other: 1 } }),
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"a","__proto__":{"x":1}}}}',
    withParams({ name: 'echo', arguments: { text: 'a' }, _meta: { progressToken: 7 } }),
    withParams({ name: 'echo', arguments: { text: 'a' }, _meta: { progressToken: {} } }),
    withParams({ name: 'echo', arguments: { text: 'a' }, task: { ttl: 1 } }),
    withParams({ name: 'unknown' }),
    withParams({ name: 7 }),
    withParams({ name: 'refused' }),
    withParams({}),
    '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"zz"}}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":null}}',
    '{"jsonrpc":"2.0","id":1,"method":"ping"}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":1}}',
    `[${JSON.stringify(CALL)}]`,
    '[]',
    '{}',
    '"x"',
    ''
  ]
  const variants: Record<string, string>[] = [
    {},
    { 'mcp-session-id': 'another' },
    { 'mcp-session-id': '' },
    { 'mcp-protocol-version': '' },
    { 'mcp-protocol-version': '2025-03-26' },
    { 'mcp-protocol-version': '2031-01-01' },
    { 'mcp-protocol-version': 'x' },
    { accept: '*/*' },
    { accept: 'application/json' },
    { accept: 'text/event-stream' },
    { accept: 'text/event-stream;q=0.5, application/json' },
    { 'content-type': 'application/json; charset=utf-8' },
    { 'content-type': 'APPLICATION/JSON' },
    { 'content-type': 'application/json-rpc' },
    { 'content-type': 'application/jsonx;a=b' },
    { 'content-type': 'text/plain' },
    { 'content-type': '' }
  ]
  const asked = [
    ...bodies.map((body) => ({ body, more: {} })),
    ...variants.map((more) => ({ body: JSON.stringify(CALL), more }))
  ]
  for (const { body, more } of asked) {
    const headers = { ...HEADERS, ...more }
    const usual = await ask(body, headers)
    const before = direct()
    const bySdk = await ask(body, { ...headers, [UNREAD_HEADER]: '1' })
    t.equal(direct(), before)
    t.same(usual, bySdk, `${body} ${JSON.stringify(more)}`)
  }
  t.ok(direct() > 10, 'most of what is right takes the short way')
})
