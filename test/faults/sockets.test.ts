import { existsSync, readdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { Client } from 'undici'
import { openGatewayHome } from '../helpers/gateway-home.ts'
import {
  fixtureWorker,
  messageOf,
  modernCall,
  peopleOf,
  send,
  textOf,
  until
} from '../helpers/mcp-http.ts'
import { startGateway } from '../helpers/start-gateway.ts'

/** Opens connections that say `text` and nothing more; gives what each was answered until it was closed. */
function slowSockets(t: Test, port: number, count: number, text: string, from = '127.0.0.1') {
  const sockets: Socket[] = []
  const answers = Array.from({ length: count }, async () => {
    const way = { port, host: '127.0.0.1', localAddress: from }
    const socket = connect(way, () => socket.write(text))
    sockets.push(socket)
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk
    })
    socket.on('error', () => {}) // a reset is an answer as well
    await new Promise((resolve) => socket.once('close', resolve)) // `once` of events would reject at a reset
    return answer
  })
  const close = () => {
    for (const socket of sockets) socket.destroy()
  }
  t.teardown(close)
  return { answers: Promise.all(answers), close }
}

t.test('two hundred clients that never finish are cut off while others are served', async (t) => {
  const settings = {
    WORKER_ENTRY: fixtureWorker('tools'),
    HEADERS_TIMEOUT: '600ms',
    REQUEST_TIMEOUT: '900ms'
  }
  const gateway = await startGateway({ settings, google: peopleOf(1) })
  t.teardown(() => gateway.close())
  const { PORT } = gateway.config
  const { host } = new URL(gateway.origin)
  const head = `POST /mcp HTTP/1.1\r\nHost: ${host}\r\n`
  const body = `Authorization: Bearer ${gateway.token}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`
  const echo = async () =>
    textOf(await messageOf(await send(gateway, modernCall('echo', { text: 'hi' }))))
  t.equal(await echo(), 'hi')
  const inHeaders = slowSockets(t, PORT, 100, head)
  const inBody = slowSockets(t, PORT, 40, head + body)
  const nobodys = slowSockets(t, PORT, 60, `${head}Content-Length: 100\r\n\r\n{`)
  for (let i = 0; i < 20; i += 1) t.equal(await echo(), 'hi')
  for (const answer of await inHeaders.answers) t.match(answer, /^HTTP\/1\.1 408 /)
  for (const answer of await inBody.answers) t.match(answer, /^HTTP\/1\.1 408 /)
  for (const answer of await nobodys.answers) t.match(answer, /^HTTP\/1\.1 401 /)
})

const PRLIMIT = '/usr/bin/prlimit'
const needsPrlimit = { skip: existsSync(PRLIMIT) ? false : 'needs prlimit (util-linux)' }

t.test(
  'a gateway short of file descriptors turns clients away, keeps some for workers, and recovers',
  needsPrlimit,
  async (t) => {
    const home = await openGatewayHome(t, {
      users: 3,
      settings: { WORKER_ENTRY: fixtureWorker('tools') }
    })
    const gateway = home.start({}, [PRLIMIT, '--nofile=256'])
    await gateway.said('"ready"')
    const [ann, bob, cyd] = home.users.map(({ token }) => token)
    const echo = { ...modernCall('echo', { text: 'hi' }) }
    const open = () => {
      const client = new Client(new URL(home.url).origin)
      t.teardown(() => client.destroy())
      return async (token?: string) => {
        const headers = {
          ...echo.headers,
          authorization: `Bearer ${token}`,
          accept: 'application/json, text/event-stream',
          'content-type': 'application/json'
        }
        const body = JSON.stringify(echo.body)
        const answer = await client.request({ method: 'POST', path: '/mcp', headers, body })
        return { status: answer.statusCode, text: await answer.body.text() }
      }
    }
    const inside = open()
    t.match(await inside(ann), { status: 200, text: /hi/ })

    // One address gets half of all connections at most.
    const crowds = ['127.0.0.2', '127.0.0.3'].map((from) =>
      slowSockets(t, home.port, 200, 'GET /health HTTP/1.1\r\n', from)
    )
    await gateway.said('too many are open')
    await t.rejects(open()(ann), 'whoever comes then is sent away')
    t.match(await inside(ann), { status: 200, text: /hi/ }, 'who is in is served')
    t.match(await inside(bob), { status: 200, text: /hi/ }, 'and a process can still be made')
    t.ok(readdirSync(`/proc/${gateway.pid}/fd`).length < 256)
    for (const crowd of crowds) crowd.close()
    await Promise.all(crowds.map(({ answers }) => answers))
    await until(async () => (await open()(ann).catch(() => undefined))?.status === 200)
    t.match(await open()(cyd), { status: 200, text: /hi/ })
    gateway.kill('SIGTERM')
    t.equal(await gateway.gone, 0)
  }
)
