import Fastify from 'fastify'
import t from 'tap'
import { GatewayError } from '#shared/errors.ts'
import { sendRpcError } from '../../../gateway/http/json-rpc-error.ts'
import { ledAway } from '../../../gateway/mcp/led-away.ts'

// JSON-RPC 2.0 §5.1: the code of an error is an integer. Seen when the database failed over in the moment in which a
// request was to be led to another gateway.
t.test('what keeps a request from being led away is told as JSON-RPC has it', async (t) => {
  const held = new GatewayError('ERR_LEASE_HELD', 'Another gateway serves this account.')
  const away = new GatewayError('ERR_STORE', 'The database is away.')
  const leads: [lead: () => Promise<boolean>, told: GatewayError][] = [
    [async () => false, held],
    [async () => Promise.reject(away), away]
  ]
  for (const [lead, told] of leads) {
    const app = Fastify()
    t.teardown(() => app.close())
    app.setErrorHandler((_error, _request, reply) => reply.send({ error: { code: 'ERR_PLAIN' } }))
    void app.register((scope, _options, done) => {
      scope.setErrorHandler(async (why, _request, reply) => {
        const led = await ledAway(lead, why)
        return led.isLed ? reply : sendRpcError(reply, led.error, 7)
      })
      scope.post('/mcp', async () => Promise.reject(held))
      done()
    })
    const answer = await app.inject({ method: 'POST', url: '/mcp' })
    t.match(answer.json(), { id: 7, error: { code: Number, data: { code: told.code } } })
  }
  t.same(await ledAway(async () => true, held), { isLed: true })
})
