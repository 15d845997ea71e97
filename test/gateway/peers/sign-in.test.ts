import { once } from 'node:events'
import { request as ask, createServer } from 'node:http'
import t, { type Test } from 'tap'
import { startSandbox } from '../../../ops/sandbox/sandbox.ts'
import { freePort } from '../../helpers/free-port.ts'
import { startPeerGateways } from '../../helpers/peer-gateways.ts'
import { withoutPostgres } from '../../helpers/postgres.ts'
import { followLink, openToolClient } from '../../helpers/tool-client.ts'

const ADA = 'ada@sandbox.example'

/** Gives each request to the next gateway, as a balancer without stickiness does. */
async function balance(t: Test, port: number, targets: () => readonly number[]): Promise<void> {
  let turn = 0
  const server = createServer((request, response) => {
    const all = targets()
    const to = all[turn++ % all.length]
    const { method, url: path, headers } = request
    const onward = ask({ host: '127.0.0.1', port: to, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    response.on('close', () => onward.destroy())
    request.pipe(onward)
  })
  await once(server.listen(port, '127.0.0.1'), 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
}

t.test('a sign-in by tool goes on at any gateway', { skip: withoutPostgres }, async (t) => {
  const google = await startSandbox({ users: [{ email: ADA, empty: true }] })
  t.teardown(() => google.close())
  const front = await freePort()
  const settings = {
    WORKER_ENTRY: '',
    SIGN_IN_BY_TOOL: 'on',
    PUBLIC_URL: `http://localhost:${front}`
  }
  const gateways = await startPeerGateways(t, 2, { google, settings })
  await balance(t, front, () => gateways.map(({ config }) => config.PORT))

  const assistant = await openToolClient(t, `${settings.PUBLIC_URL}/mcp`)
  for (const denied of [true, false]) {
    const link = await assistant.call('get_auth_url', { level: 'gmail.readonly' })
    const atGoogle = denied ? 'deny' : 'allow'
    const { code, status } = await followLink(link.data.authUrl, { email: ADA, atGoogle })
    t.equal(status, denied ? 403 : 200)
    t.match(await assistant.call('check_authentication', denied ? {} : { code }), {
      data: denied ? { status: 'denied' } : { status: 'authenticated', email: ADA }
    })
  }
  t.match(await assistant.call('get_profile'), { data: { emailAddress: ADA } })

  t.test('and says so when the one where it began is gone', async (t) => {
    const link = await assistant.call('get_auth_url', { level: 'gmail.modify' })
    const tag = String(link.data.authUrl).split('.').at(-1)
    const elsewhere = String(link.data.authUrl).replace(`.${tag}`, '.elsewhe1')
    t.match(await followLink(elsewhere, { email: ADA }), { status: 400, page: /used up/ })
  })
})
