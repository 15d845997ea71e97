import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import Fastify from 'fastify'
import t from 'tap'
import { forwardTo } from '../../../gateway/mcp/forward-to-successor.ts'

t.test('a call is passed on whole, also when its body was looked into before', async (t) => {
  const heard: unknown[] = []
  const other = Fastify()
  other.post('/mcp', (request) => {
    heard.push(request.body)
    return { answered: true }
  })
  const there = await other.listen({ port: 0, host: '127.0.0.1' })
  const here = Fastify()
  const { signal: until } = new AbortController()
  const passOn = forwardTo({ host: '127.0.0.1', port: Number(new URL(there).port), until })
  here.removeAllContentTypeParsers()
  here.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  here.addHook('preParsing', async (request, _reply, payload) => {
    if (request.headers['x-look'] === undefined) return payload
    const chunks: Buffer[] = []
    for await (const chunk of payload) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    return Object.assign(Readable.from([body]), { receivedEncodedLength: body.byteLength })
  })
  here.post('/mcp', (request, reply) => passOn(request, reply))
  const url = await here.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(async () => {
    await here.close()
    await other.close()
  })
  for (const look of [{}, { 'x-look': 'yes' }]) {
    const response = await fetch(`${url}/mcp`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...look },
      body: JSON.stringify({ method: 'initialize' }),
      signal: AbortSignal.timeout(5000)
    })
    t.same(await response.json(), { answered: true })
  }
  t.same(heard, [{ method: 'initialize' }, { method: 'initialize' }])
})

t.test('who waits too long for the other gateway is told to come again', async (t) => {
  const other = createServer()
  other.listen(0, '127.0.0.1')
  await once(other, 'listening')
  const patience = new AbortController()
  const { port } = other.address() as AddressInfo
  const here = Fastify()
  const passOn = forwardTo({ host: '127.0.0.1', port, until: patience.signal })
  here.removeAllContentTypeParsers()
  here.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  here.post('/mcp', (request, reply) => passOn(request, reply))
  const url = await here.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(async () => {
    await here.close()
    other.close()
  })
  const asked = () => fetch(`${url}/mcp`, { method: 'POST', body: '{}' })
  const waiting = asked()
  await once(other, 'request')
  patience.abort()
  for (const response of [await waiting, await asked()]) {
    t.equal(response.status, 503)
    t.equal(response.headers.get('retry-after'), '1')
    t.match(await response.json(), { id: null, error: { data: { code: 'ERR_DRAINING' } } })
  }
})
