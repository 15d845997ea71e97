import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import t, { type Test } from 'tap'
import { startSandbox } from '../../ops/sandbox/sandbox.ts'
import { Browser } from '../helpers/browser.ts'
import { freePort } from '../helpers/free-port.ts'
import {
  call,
  endpointOf,
  events,
  fixtureWorker,
  messageOf,
  openSession,
  peopleOf,
  send
} from '../helpers/mcp-http.ts'
import { PROXIES, type ProxyName, programOf, startProxy, versionOf } from '../helpers/proxies.ts'
import { OAuthClient, signInClient } from '../helpers/sign-in.ts'
import { startGateway } from '../helpers/start-gateway.ts'

// The configurations of ops/proxies, in the real programs (Debian's packages haproxy, nginx-light and caddy).

const ADA = 'ada@sandbox.example'
const LARGE = Buffer.alloc(5 * 2 ** 20, 'attached ')
const MAIL = [
  'From: Bea <bea@elsewhere.example>',
  `To: ${ADA}`,
  'Subject: The report',
  'MIME-Version: 1.0',
  'Content-Type: application/pdf; name="report.pdf"',
  'Content-Disposition: attachment; filename="report.pdf"',
  'Content-Transfer-Encoding: base64',
  '',
  LARGE.toString('base64'),
  ''
].join('\r\n')

const names: readonly ProxyName[] = ['nginx', 'haproxy', 'caddy']
const installed = names.filter((name) => programOf(name) !== undefined)

/** A gateway that people reach by another port than its own. */
async function behind(t: Test, options: NonNullable<Parameters<typeof startGateway>[0]>) {
  const front = await freePort()
  const gateway = await startGateway({
    ...options,
    settings: {
      ...options.settings,
      PUBLIC_URL: `http://localhost:${front}`,
      TRUST_PROXY: '127.0.0.1'
    }
  })
  t.teardown(() => gateway.close())
  const { PORT, OPS_PORT } = gateway.config
  return { gateway, ports: { front, gateway: PORT, ops: OPS_PORT } }
}

t.test('sign-in, a call and a large attachment', async (t) => {
  const google = await startSandbox({ users: [{ email: ADA, empty: true }] })
  t.teardown(() => google.close())
  const { gateway, ports } = await behind(t, { google, connected: false })
  const { id: messageId } = google.mailbox(ADA).deliver(MAIL)
  for (const name of installed)
    t.test(`through ${name} ${versionOf(name)}`, async (t) => {
      const proxy = await startProxy(t, name, ports)
      const client = await OAuthClient.register(gateway.origin)
      const { access_token: token } = await signInClient(new Browser(), client, { email: ADA })
      const to = { url: gateway.url, token }
      const session = await openSession(to)
      const profile = await messageOf(await send(to, { session, body: call('get_profile') }))
      t.match(profile.result, { structuredContent: { emailAddress: ADA } })
      const asked = await messageOf(
        await send(to, {
          session,
          body: call('download_attachment', { messageId, partId: '0', delivery: 'link' })
        })
      )
      const { url } = (asked.result?.structuredContent ?? {}) as { url?: string }
      const content = Buffer.from(await (await fetch(url ?? '')).arrayBuffer())
      t.equal(sha256(content), sha256(LARGE), `${content.length} bytes`)
      const body = call('search_emails', { query: 'x'.repeat(8 * 2 ** 20) })
      // The gateway does not wait for the rest of it: a proxy that was still sending says 502 then, nginx at times.
      const { status } = await send(to, { session, body })
      t.ok([413, 502].includes(status), `what is too large is refused: ${status}`)
      await proxy.stop()
    })
})

t.test('a stream as it comes, and whose address it is', async (t) => {
  const google = peopleOf(1)
  const settings = { WORKER_ENTRY: fixtureWorker('tools') }
  const { gateway, ports } = await behind(t, { google, settings })
  const ann = endpointOf(gateway, 0)
  for (const [n, name] of installed.entries())
    t.test(`through ${name}`, async (t) => {
      const proxy = await startProxy(t, name, ports)
      const session = await openSession(ann)
      const stream = await send(ann, { method: 'GET', session })
      t.equal(stream.status, 200)
      await (await send(ann, { session, body: call('change') })).text()
      for await (const message of events(stream)) {
        t.equal(message.method, 'notifications/tools/list_changed', 'while the stream is open')
        break
      }
      // Each address may send 120 wrong tokens a minute; the address is that of the client, whatever it says.
      const [noisy, quiet] = [`127.0.1.${n + 1}`, `127.0.2.${n + 1}`]
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      const wrong = (localAddress: string, headers: Record<string, string> = {}) =>
        statusOf({ port: ports.front, localAddress, agent, headers })
      for (let sent = 0; sent < 120; sent += 1) await wrong(noisy)
      t.equal(await wrong(noisy), 429)
      t.equal(await wrong(noisy, { 'x-forwarded-for': quiet }), 429, 'saying another helps nobody')
      t.equal(await wrong(quiet), 401, 'others are not kept out')
      agent.destroy()
      await proxy.stop()
    })
})

for (const name of names)
  if (!installed.includes(name))
    t.test(`through ${name}`, { skip: `${PROXIES[name].places[0]} is not installed` }, () => {})

async function statusOf(options: {
  port: number
  localAddress: string
  agent: Agent
  headers: Record<string, string>
}): Promise<number | undefined> {
  const { port, localAddress, agent, headers } = options
  const asking = request({
    ...{ host: '127.0.0.1', port, path: '/mcp', method: 'POST', localAddress, agent },
    headers: { host: `localhost:${port}`, authorization: 'Bearer wrong', ...headers }
  })
  asking.end()
  const [response] = await once(asking, 'response')
  response.resume()
  await once(response, 'end')
  return response.statusCode
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
