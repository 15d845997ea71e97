import t, { type Test } from 'tap'
import * as z from 'zod'
import { startSandbox } from '../../../ops/sandbox/sandbox.ts'
import {
  fixtureWorker,
  messageOf,
  modernCall,
  send,
  until,
  workersOf
} from '../../helpers/mcp-http.ts'
import { startGateway } from '../../helpers/start-gateway.ts'

const open = async (t: Test, settings: Readonly<Record<string, string>> = {}) => {
  const gateway = await startGateway({
    settings: { WORKER_ENTRY: fixtureWorker('tools'), ...settings }
  })
  t.teardown(() => gateway.close())
  /** One registration as if a proxy had passed it on for somebody at `address`. */
  const register = (address: string, body: object = {}) =>
    fetch(`${gateway.origin}/oauth/register`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-forwarded-for': address,
        'x-real-ip': address,
        forwarded: `for=${address};host=evil.example;proto=https`,
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'https'
      },
      body: JSON.stringify({ redirect_uris: ['http://127.0.0.1/callback'], ...body })
    })
  return { gateway, register }
}

t.test('what a stranger says of proxies changes neither the limits nor the issuer', async (t) => {
  const { gateway, register } = await open(t)
  const statuses: number[] = []
  for (let i = 0; i < 11; i += 1) {
    const response = await register(`203.0.113.${i}`)
    statuses.push(response.status)
    t.notMatch(await response.text(), 'evil.example')
  }
  t.same(statuses, [...Array(10).fill(201), 429], 'one address, whatever it says')
  const headers = { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' }
  for (const path of ['oauth-authorization-server', 'oauth-protected-resource/mcp']) {
    const response = await fetch(`${gateway.origin}/.well-known/${path}`, { headers })
    const text = await response.text()
    t.match(text, `"${gateway.origin}`)
    t.notMatch(text, 'evil.example')
  }
  const challenge = await fetch(gateway.url, { method: 'POST', headers })
  t.match(challenge.headers.get('www-authenticate'), `resource_metadata="${gateway.origin}/`)
})

t.test(
  'a browser that opens the service, or the address for applications, finds a page',
  async (t) => {
    const { gateway } = await open(t, {
      SERVICE_NAME: 'Mail of <Acme>',
      OPERATOR_CONTACT: 'help@acme.example'
    })
    const html = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }
    const front = await fetch(gateway.url, { headers: html })
    t.equal(front.url, `${gateway.origin}/`)
    t.equal(front.status, 200)
    t.match(front.headers.get('content-security-policy'), /^default-src 'none'; style-src 'sha256-/)
    const text = await front.text()
    t.match(text, '<h1>Mail of &#60;Acme&#62;</h1>')
    t.match(text, 'href="mailto:help@acme.example"')
    for (const shown of [
      gateway.url,
      `claude mcp add --transport http gmail ${gateway.url}`,
      `codex mcp add gmail --url ${gateway.url}`,
      `gemini mcp add --transport http gmail ${gateway.url}`
    ]) {
      t.ok(text.includes(shown), shown)
    }
    // https://cursor.com/docs/mcp/install-links: the server's part of mcp.json, JSON in base64.
    const cursor = new URL(/href="(cursor:[^"]+)"/.exec(text)?.[1]?.replaceAll('&#38;', '&') ?? '')
    t.equal(`${cursor.host}${cursor.pathname}`, 'anysphere.cursor-deeplink/mcp/install')
    t.equal(cursor.searchParams.get('name'), 'gmail')
    const config = Buffer.from(cursor.searchParams.get('config') ?? '', 'base64').toString()
    t.same(JSON.parse(config), { url: gateway.url })
    // https://code.visualstudio.com/api/extension-guides/ai/mcp, "Create an MCP installation URL".
    const code = /href="vscode:mcp\/install\?([^"]+)"/.exec(text)?.[1] ?? ''
    t.same(JSON.parse(decodeURIComponent(code)), { name: 'gmail', type: 'http', url: gateway.url })

    for (const headers of [
      { accept: '*/*' },
      { accept: 'text/event-stream' },
      { accept: 'text/html, text/event-stream' },
      { ...html, authorization: 'Bearer x' }
    ]) {
      const answer = await fetch(gateway.url, { headers, redirect: 'manual' })
      t.equal(answer.status, 401, `${JSON.stringify(headers)} is an application`)
    }
  }
)

t.test('no client registers itself where the operator does not want it', async (t) => {
  const { gateway, register } = await open(t, { DYNAMIC_REGISTRATION: 'off' })
  t.equal((await register('203.0.113.1')).status, 404)
  const address = `${gateway.origin}/.well-known/oauth-authorization-server`
  t.notMatch(await (await fetch(address)).text(), 'register')
})

t.test('a proxy that the operator named is believed about its clients', async (t) => {
  const { register } = await open(t, { TRUST_PROXY: '127.0.0.1,::1' })
  for (let i = 0; i < 11; i += 1) t.equal((await register(`203.0.113.${i}`)).status, 201)
  const again = Array.from({ length: 10 }, () => register('203.0.113.0'))
  const statuses = (await Promise.all(again)).map(({ status }) => status)
  t.same(statuses.sort(), [...Array(9).fill(201), 429], 'each has limits of its own')
})

t.test('a registration that is too large is refused', async (t) => {
  const { register } = await open(t)
  const large = await register('203.0.113.1', { client_name: 'x'.repeat(200_000) })
  t.ok([400, 413].includes(large.status), String(large.status))
  const long = await register('203.0.113.1', { client_name: 'x'.repeat(20_000) })
  t.equal(long.status, 201)
  t.ok((await long.text()).length < 2000, 'and a long name is cut')
})

t.test('what fails outside of MCP says so in our words', async (t) => {
  const google = await startSandbox({ users: [{ email: 'ada@sandbox.example', empty: true }] })
  const gateway = await startGateway({ google })
  t.teardown(async () => {
    await gateway.close()
    await google.close()
  })
  const { id: messageId } = google.mailbox('ada@sandbox.example').deliver({
    from: 'a@x.test',
    attachments: [{ filename: 'a.txt', mimeType: 'text/plain', content: 'a' }]
  })
  const asked = modernCall('download_attachment', { messageId, partId: '1', delivery: 'link' })
  const { result } = await messageOf(await send(gateway, asked))
  const { url } = z.object({ url: z.url() }).parse(result?.structuredContent)
  const [worker] = await workersOf(gateway)
  process.kill(worker?.pid ?? 0, 'SIGSTOP')
  const fetching = fetch(url)
  await until(async () => (await workersOf(gateway)).some(({ inFlight }) => inFlight === 1))
  process.kill(worker?.pid ?? 0, 'SIGKILL')
  const response = await fetching
  t.equal(response.status, 503)
  t.same(await response.json(), {
    error: {
      code: 'ERR_WORKER_GONE',
      message: 'The attachment could not be fetched. Ask for a new link.',
      requestId: response.headers.get('x-request-id')
    }
  })
  for (const path of ['/%zz', `/attachments/${'x'.repeat(300)}`, '/attachments/%00']) {
    const odd = await fetch(`${gateway.origin}${path}`)
    t.ok(odd.status >= 400 && odd.status < 500, `${path}: ${odd.status}`)
  }
})
