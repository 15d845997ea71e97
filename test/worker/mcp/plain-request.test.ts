import { specTypeSchemas } from '@modelcontextprotocol/server'
import t from 'tap'
import { plainRequest } from '../../../worker/mcp/plain-request.ts'

const call = (params: unknown, more: object = {}) => ({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params,
  ...more
})
const list = (params?: unknown) => ({ jsonrpc: '2.0', id: 'a', method: 'tools/list', params })

const PLAIN = [
  call({ name: 'echo' }),
  call({ name: 'echo', arguments: { text: null, deep: [1, { a: 2 }] } }),
  call({ name: 'echo', arguments: {}, _meta: { progressToken: 7 } }),
  call({ name: 'echo', _meta: { progressToken: 'p', 'example.com/note': { any: 'thing' } } }),
  call({ name: '' }, { id: '' }),
  list(),
  list({}),
  list({ cursor: 'c', _meta: {} }),
  { jsonrpc: '2.0', id: 3, method: 'ping' }
]

t.test(
  'a plain request is passed on as it is, and the schemas of the protocol take it',
  async (t) => {
    const schemas = {
      'tools/call': specTypeSchemas.CallToolRequest,
      'tools/list': specTypeSchemas.ListToolsRequest,
      ping: specTypeSchemas.PingRequest
    }
    for (const body of PLAIN) {
      t.equal(plainRequest(body), body)
      const method = body.method as keyof typeof schemas // PLAIN has no others
      t.notOk('issues' in schemas[method]['~standard'].validate(body), JSON.stringify(body))
      t.notOk('issues' in specTypeSchemas.JSONRPCRequest['~standard'].validate(body))
    }
  }
)

t.test('whatever else comes is for the SDK', async (t) => {
  const others = [
    undefined,
    null,
    'tools/call',
    [call({ name: 'echo' })],
    call(undefined),
    call(null),
    call([]),
    call({}),
    call({ name: 7 }),
    call({ name: 'echo', arguments: null }),
    call({ name: 'echo', arguments: [] }),
    call({ name: 'echo', arguments: '{"text":"a"}' }),
    call({ name: 'echo', task: {} }),
    call({ name: 'echo', _meta: null }),
    call({ name: 'echo', _meta: { progressToken: null } }),
    call({ name: 'echo', _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } }),
    call({ name: 'echo' }, { jsonrpc: '1.0' }),
    call({ name: 'echo' }, { id: null }),
    call({ name: 'echo' }, { id: 1.5 }),
    call({ name: 'echo' }, { id: undefined }),
    call({ name: 'echo' }, { result: {} }),
    call({ name: 'echo' }, { method: 'constructor' }),
    list({ cursor: 7 }),
    list({ unknown: 1 }),
    { jsonrpc: '2.0', id: 1, method: 'initialize', params: {} },
    { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } },
    { jsonrpc: '2.0', id: 1, result: {} }
  ]
  for (const body of others) t.equal(plainRequest(body), undefined, JSON.stringify(body))
})
