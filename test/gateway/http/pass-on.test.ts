import { Readable } from 'node:stream'
import Fastify from 'fastify'
import t from 'tap'
import { passOnTo } from '../../../gateway/http/pass-on.ts'

t.test('a call is passed on whole, also when its body was looked into before', async (t) => {
  const heard: unknown[] = []
  const other = Fastify()
  other.post('/mcp', (request) => {
    heard.push(request.body)
    return { answered: true }
  })
  const there = await other.listen({ port: 0, host: '127.0.0.1' })
  const here = Fastify()
  const passOn = passOnTo({ host: '127.0.0.1', port: Number(new URL(there).port) })
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
