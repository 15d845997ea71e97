import Fastify from 'fastify'
import t from 'tap'
import { peekAt } from '../../../gateway/http/json-rpc-id.ts'
import { recordCalls } from '../../../gateway/mcp/record-calls.ts'
import { CallLog } from '../../../gateway/telemetry/call-log.ts'
import { until } from '../../helpers/until.ts'

// JSON-RPC 2.0, section 4.1: a notification is a request without an id, and nobody answers it.
t.test('what asks for nothing is no call, however it ends', async (t) => {
  const counted: string[] = []
  const told: string[] = []
  const log = new CallLog({
    events: { tell: (event: string) => void told.push(event) } as never,
    metrics: {
      calls: { inc: ({ outcome }: { outcome: string }) => void counted.push(outcome) },
      http: {}
    } as never,
    now: () => 0
  })
  const app = Fastify()
  t.teardown(() => app.close())
  for (const name of ['exchange', 'peeked', 'failure', 'caller']) app.decorateRequest(name, null)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  recordCalls(app, log)
  app.post('/mcp', async (request, reply) => {
    await peekAt(request)
    return reply.code(503).send('')
  })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const post = async (body: unknown): Promise<void> => {
    const before = told.length
    await fetch(`${url}/mcp`, { method: 'POST', body: JSON.stringify(body) })
    await until(() => told.length > before)
  }
  const note = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } }
  await post(note)
  await post([note, { jsonrpc: '2.0', id: 5, result: {} }])
  t.same(counted, [], 'told of, but not counted')
  await post({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
  await post([note, { jsonrpc: '2.0', id: 2, method: 'tools/list' }])
  await post('no message at all')
  t.same(counted, ['server', 'server', 'server'])
})
