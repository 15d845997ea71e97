import { connect } from 'node:net'
import t from 'tap'
import { endpointOf, fixtureWorker, peopleOf, send, until } from '../helpers/mcp-http.ts'
import { startGateway } from '../helpers/start-gateway.ts'

const CALLS = 64
const MIB = 2 ** 20

t.test(
  'whoever asks for much and reads nothing costs others nothing, and is cut off',
  async (t) => {
    const gateway = await startGateway({
      google: peopleOf(2),
      settings: {
        WORKER_ENTRY: fixtureWorker('scripted'),
        CALLS_PER_USER: String(CALLS),
        ANSWERS_PER_USER: '4MiB',
        READ_TIMEOUT: '1s'
      }
    })
    t.teardown(() => gateway.close())
    const { host, hostname, port } = new URL(gateway.url)
    const { token } = endpointOf(gateway, 0)
    const asked = (act: string) => ({ jsonrpc: '2.0', id: 1, method: 'x', params: { act } })

    const body = JSON.stringify(asked('flood')) // events without an end
    const request =
      `POST /mcp HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\n` +
      'Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n' +
      `Content-Length: ${body.length}\r\n\r\n${body}`
    for (let call = 0; call < CALLS; call += 1) {
      const client = connect(Number(port), hostname).pause()
      t.teardown(() => client.destroy())
      client.on('error', () => {}) // it will be cut off
      client.write(request)
    }

    let most = 0
    const metric = async (name: string): Promise<number> => {
      const text = await gateway.metrics()
      const held = Number(/^gmail_mcp_answers_held_bytes (\d+)$/m.exec(text)?.[1])
      most = Math.max(most, held)
      return Number(new RegExp(`^gmail_mcp_${name} (\\d+)$`, 'm').exec(text)?.[1])
    }
    await until(async () => (await metric('answers_held_bytes')) > 0)
    for (let call = 0; call < 10; call += 1) {
      const other = await send(endpointOf(gateway, 1), { body: asked('tells') })
      t.equal(other.status, 200, 'another person is answered')
      await other.text()
      await metric('answers_held_bytes')
    }
    await until(async () => (await metric('stalled_readers_total')) === CALLS)
    await until(async () => (await metric('answers_held_bytes')) === 0)
    // Each of the calls may have one piece under way when the account's share is used up.
    t.ok(most > 0 && most < 4 * MIB + CALLS * 256 * 1024, `${most} bytes at most were held`)
  }
)
