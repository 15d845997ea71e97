import t from 'tap'
import * as z from 'zod'
import {
  fixtureWorker,
  messageOf,
  modernCall,
  send,
  textOf,
  workersOf
} from '../../helpers/mcp-http.ts'
import { rawHttp } from '../../helpers/raw-http.ts'
import { startGateway } from '../../helpers/start-gateway.ts'

const BODY = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'x', params: { act: 'headers' } })

t.test('what a stranger may send', async (t) => {
  const settings = {
    WORKER_ENTRY: fixtureWorker('scripted'),
    HEADERS_TIMEOUT: '400ms',
    REQUEST_TIMEOUT: '800ms',
    ALLOWED_HOSTS: 'mail.example.com',
    ALLOWED_ORIGINS: 'https://client.example.com'
  }
  const gateway = await startGateway({ settings })
  t.teardown(() => gateway.close())
  const { PORT } = gateway.config
  const { host } = new URL(gateway.origin)
  const authorization = `Authorization: Bearer ${gateway.token}`
  const ask = (head: string, body = '') =>
    rawHttp(PORT, `${head}\r\nConnection: close\r\n\r\n${body}`)
  const status = async (answer: Promise<string>) => Number((await answer).slice(9, 12))
  const post = (...headers: string[]) =>
    status(
      ask(
        ['POST /mcp HTTP/1.1', authorization, 'Content-Type: application/json', ...headers].join(
          '\r\n'
        ),
        BODY
      )
    )
  const length = `Content-Length: ${BODY.length}`

  t.test('too little, too slowly', async (t) => {
    const slowHeaders = rawHttp(PORT, `GET /health HTTP/1.1\r\nHost: ${host}\r\n`)
    const slowBody = rawHttp(
      PORT,
      `POST /mcp HTTP/1.1\r\nHost: ${host}\r\n${authorization}\r\nContent-Type: application/json\r\n${length}\r\n\r\n{`
    )
    t.match(await slowHeaders, /^HTTP\/1\.1 408 /)
    t.match(await slowBody, /^HTTP\/1\.1 408 /)
  })

  t.test('a host and an origin that are ours', async (t) => {
    t.equal(await post(`Host: ${host}`, length), 200)
    t.equal(await post(`Host: ${host.toUpperCase()}`, length), 200)
    t.equal(await post('Host: mail.example.com', length), 200)
    t.equal(await post('Host: evil.example.com', length), 403)
    t.equal(await post(`Host: ${host}.evil.example.com`, length), 403)
    t.equal(await post(`Host: ${host}`, 'Host: evil.example.com', length), 400)
    t.equal(await post(`Host: evil.example.com`, `Host: ${host}`, length), 400)
    t.equal(await post(length), 400, 'none')
    t.equal(await post(`Host: ${host}`, length, `Origin: ${gateway.origin}`), 200)
    t.equal(await post(`Host: ${host}`, length, 'Origin: https://client.example.com'), 200)
    t.equal(await post(`Host: ${host}`, length, 'Origin: https://evil.example.com'), 403)
    t.equal(await post(`Host: ${host}`, length, 'Origin: null'), 403)
    const health = await ask('GET /health HTTP/1.1\r\nHost: evil.example.com')
    t.match(health, /^HTTP\/1\.1 403 /, 'on every path')
  })

  t.test('a body whose end nobody can doubt', async (t) => {
    const smuggle: string[][] = [
      [length, 'Transfer-Encoding: chunked'],
      ['Transfer-Encoding: chunked, identity'],
      ['Transfer-Encoding: xchunked'],
      [length, 'Content-Length: 5'],
      ['Content-Length: +5'],
      ['Content-Length : 5'],
      [' folded: yes', length],
      ['X-A: b\0c', length]
    ]
    for (const headers of smuggle)
      t.equal(await post(`Host: ${host}`, ...headers), 400, headers.join(' and '))
    const many = `X: ${'y'.repeat(20_000)}`
    t.equal(await post(`Host: ${host}`, length, many), 431)
  })

  t.test('the endpoint’s own path and no other', async (t) => {
    const paths = ['/mcp//x', '/mcp/x', '/mcp/%00', '/mcp%2f', '/MCP', '//mcp', '/mcp/..%2f']
    for (const path of paths) {
      const head = `POST ${path} HTTP/1.1\r\nHost: ${host}\r\n${authorization}\r\nContent-Type: application/json\r\n${length}`
      t.match(await ask(head, BODY), /^HTTP\/1\.1 40[04] /, path)
    }
    for (const method of ['PUT', 'PATCH', 'HEAD', 'TRACE'])
      t.match(
        await ask(`${method} /mcp HTTP/1.1\r\nHost: ${host}\r\n${authorization}`),
        /^HTTP\/1\.1 40[45] /
      )
  })

  t.test('its token in the header and nowhere else', async (t) => {
    const { token } = gateway
    const anywhere = [
      [`/mcp?access_token=${token}`, ''],
      ['/mcp', `Cookie: access_token=${token}`],
      ['/mcp', `Authorization: Basic ${token}`],
      ['/mcp', `Authorization: Bearer ${token}, Bearer ${token}`],
      ['/mcp', `X-Authorization: Bearer ${token}`]
    ]
    for (const [path = '', header = ''] of anywhere) {
      const head = `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n${length}`
      const answer = await ask(header ? `${head}\r\n${header}` : head, BODY)
      t.match(answer, /^HTTP\/1\.1 401 /, header || path)
      t.match(answer, /www-authenticate: Bearer .*resource_metadata="/i)
    }
  })

  t.test('no header that is between us and the worker', async (t) => {
    const response = await send(gateway, {
      body: BODY,
      headers: {
        'x-principal': '{"clientId":"evil","level":"gmail.full","expiresAt":9e9}',
        'x-request-id': 'evil one',
        'x-shown-request-id': 'evil',
        'x-traced': 'evil',
        'x-forwarded-for': '1.2.3.4',
        x_principal: 'evil',
        cookie: 'a=evil',
        'mcp-param-colour': 'red',
        'mcp-session-id': 'evil',
        'mcp-protocol-version': '2026-07-28',
        'accept-encoding': 'gzip'
      }
    })
    const seen = z.array(z.string()).parse(await response.json())
    const names = seen.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase())
    t.same(names.sort(), [
      'accept',
      'connection',
      'content-length',
      'content-type',
      'host',
      'mcp-param-colour',
      'mcp-protocol-version',
      'x-principal',
      'x-request-id',
      'x-shown-request-id'
    ])
    t.notMatch(seen.join(' '), /evil|gmail\.full/)
    t.notOk(seen.some((value) => value.includes(gateway.token)))

    const tricks = [
      'Connection: x-principal, host',
      'X-Principal: evil\r\nX-Principal: evil',
      'Transfer-Encoding: chunked'
    ]
    for (const trick of tricks) {
      const isChunked = trick.startsWith('Transfer')
      const body = isChunked ? `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n` : BODY
      const head = [
        'POST /mcp HTTP/1.1',
        `Host: ${host}`,
        authorization,
        'Content-Type: application/json',
        trick
      ]
      if (!isChunked) head.push(length)
      const answer = await rawHttp(
        PORT,
        `${head.join('\r\n')}\r\n\r\n${body}GET /health HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`
      )
      t.match(answer, /^HTTP\/1\.1 200 /, trick)
      t.match(answer, /x-principal","\{\\"clientId\\"/, 'the gateway’s own')
      t.notMatch(answer, /evil/)
    }
  })

  t.test('and what it hears of a worker’s headers', async (t) => {
    const body = { jsonrpc: '2.0', id: 1, method: 'x', params: { act: 'tells' } }
    const response = await send(gateway, { body })
    t.equal(response.headers.get('mcp-session-id'), null, 'nobody asked for a session')
    t.notMatch(JSON.stringify([...response.headers]), /leaked|evil|a=b|"server"/)
    t.equal(response.headers.get('x-content-type-options'), 'nosniff')
  })

  t.test('a refusal without an end is none', async (t) => {
    const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' }
    const _meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' }
    const params = { act: 'endless', _meta }
    const body = { jsonrpc: '2.0', id: 5, method: 'subscriptions/listen', params }
    const response = await send(gateway, { headers, body })
    t.equal(response.status, 503)
    t.match(await messageOf(response), { id: 5, error: { data: { code: 'ERR_WORKER_GONE' } } })
  })

  t.test('a browser of an allowed page may ask first, and no other', async (t) => {
    const preflight = (origin: string) =>
      fetch(gateway.url, {
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'authorization'
        }
      })
    const good = await preflight('https://client.example.com')
    t.equal(good.status, 204)
    t.equal(good.headers.get('access-control-allow-origin'), 'https://client.example.com')
    t.notOk(
      (await preflight('https://evil.example.com')).headers.get('access-control-allow-origin')
    )
  })

  t.test('nothing of all this hurt the worker', async (t) => {
    t.equal((await workersOf(gateway)).length, 1)
    const text = await gateway.metrics()
    t.match(text, 'gmail_mcp_http_in_flight_requests 0')
    t.match(text, 'gmail_mcp_worker_exits_total{reason="crash"} 0')
  })
})

t.test('a worker wants JSON', async (t) => {
  const gateway = await startGateway({ settings: { WORKER_ENTRY: fixtureWorker('tools') } })
  t.teardown(() => gateway.close())
  t.equal(textOf(await messageOf(await send(gateway, modernCall('echo', { text: 'a' })))), 'a')
  for (const type of ['text/plain', 'application/xml', 'application/x-www-form-urlencoded', '']) {
    const response = await send(gateway, { body: BODY, headers: { 'content-type': type } })
    t.equal(response.status, 415, type)
    await response.text()
  }
  t.equal((await send(gateway, {})).status, 415, 'no body at all')
})
