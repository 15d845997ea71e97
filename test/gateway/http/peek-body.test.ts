import { PassThrough, Readable } from 'node:stream'
import t from 'tap'
import { PeekedBody, peekBody } from '../../../gateway/http/peek-body.ts'

const of = (text: string) => new PeekedBody(Buffer.from(text))
const json = (body: unknown) => of(JSON.stringify(body))
const ping = (id: unknown) => ({ jsonrpc: '2.0', id, method: 'ping' })

t.test('the id of the one request is read, and no other', async (t) => {
  t.equal(json(ping(7)).rpcId, 7)
  t.equal(json(ping('a')).rpcId, 'a')
  t.equal(json([ping('a')]).rpcId, 'a')
  t.equal(json({ jsonrpc: '2.0', id: 3 }).rpcId, 3)
  for (const body of [
    [ping(1), ping(2)],
    ping(null),
    ping({}),
    { id: 1, result: {} },
    { id: 1, error: {} },
    5,
    null
  ])
    t.equal(json(body).rpcId, null, JSON.stringify(body))
  t.equal(of('{"id":1').rpcId, null)
  t.equal(of('').rpcId, null)
})

t.test('what holds no request asks for nothing', async (t) => {
  const note = { jsonrpc: '2.0', method: 'notifications/initialized' }
  for (const silent of [note, [note, note], { id: 1, result: {} }, [{ id: 1, error: {} }, note]])
    t.ok(json(silent).asksNothing, JSON.stringify(silent))
  for (const asking of [ping(1), ping(null), [note, ping(1)], [], 5, null])
    t.notOk(json(asking).asksNothing, JSON.stringify(asking))
  t.notOk(of('{"method":').asksNothing)
  t.notOk(new PeekedBody(Readable.from([])).asksNothing, 'nobody has read it')
})

t.test('each message of a batch counts, however the batch begins', async (t) => {
  t.equal(json(ping(1)).count, 1)
  t.equal(json([]).count, 1)
  t.equal(json([ping(1), { method: 'x' }, 5]).count, 3)
  t.equal(of(` \r\n\t${JSON.stringify([1, 2])}`).count, 2)
  t.equal(of(`\uFEFF${JSON.stringify([1, 2])}`).count, 2, 'as readers of fetch drop the mark')
  t.equal(of('').count, 1)
})

t.test('initialize is known by its method, not by its words', async (t) => {
  t.ok(json({ id: 1, method: 'initialize' }).isInitialize)
  t.notOk(json({ method: 'initialize' }).isInitialize, 'it is a request')
  t.notOk(json({ id: 1, method: 'tools/call', params: { q: 'initialize' } }).isInitialize)
  t.notOk(json([{ id: 1, method: 'initialize' }]).isInitialize)
})

const bytesOf = async (body: Buffer | Readable) =>
  Buffer.isBuffer(body) ? body : Buffer.concat(await body.toArray())

t.test('nothing of a body is lost by looking at it', async (t) => {
  for (const size of [0, 10, 70_000, 300_000]) {
    const sent = Buffer.from(JSON.stringify({ pad: 'x'.repeat(size) }))
    const chunked = Readable.from([sent.subarray(0, 5), sent.subarray(5)])
    t.ok((await bytesOf((await peekBody(chunked, {})).body)).equals(sent), `${size}, chunked`)
    const whole = Readable.from([sent])
    const length = { 'content-length': String(sent.byteLength) }
    t.ok((await bytesOf((await peekBody(whole, length)).body)).equals(sent), `${size}, whole`)
  }
})

t.test('a batch that cannot be counted is refused', async (t) => {
  const medium = Buffer.from(JSON.stringify(Array(3).fill('x'.repeat(50_000))))
  t.equal((await peekBody(Readable.from([medium]), {})).count, 3)
  const large = Buffer.from(JSON.stringify(Array(3).fill('x'.repeat(300_000))))
  await t.rejects(peekBody(Readable.from([large]), {}), { code: 'ERR_BODY_TOO_LARGE' })
  const padded = Buffer.concat([Buffer.alloc(600_000, 0x20), medium])
  await t.rejects(peekBody(Readable.from([padded]), {}), { code: 'ERR_BODY_TOO_LARGE' })
})

t.test('a client that leaves is not waited for', async (t) => {
  const body = new PassThrough()
  const peeking = peekBody(body, { 'content-length': '100' })
  body.write('{"id"')
  body.destroy()
  await t.rejects(peeking, /left/)
})

t.test('what is in a body is known without its worker, unless it was not read whole', async (t) => {
  const calls = async (body: unknown) =>
    (await peekBody(Readable.from([Buffer.from(JSON.stringify(body))]), {})).calls
  const call = { jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'echo' } }
  t.same(await calls(call), [{ rpcId: 7, method: 'tools/call', tool: 'echo' }])
  const list = { jsonrpc: '2.0', id: 'a', method: 'tools/list', params: { name: 'no tool' } }
  t.same(
    await calls([
      list,
      { method: 'notifications/initialized' },
      { id: 1, result: {} },
      'no message'
    ]),
    [{ rpcId: 'a', method: 'tools/list', tool: undefined }]
  )
  t.same(await calls({ ...call, params: { name: 'x'.repeat(2000) } }), [
    { rpcId: 7, method: 'tools/call', tool: 'x'.repeat(1000) }
  ])
  t.same(await calls({ ...call, params: null }), [
    { rpcId: 7, method: 'tools/call', tool: undefined }
  ])
  t.same((await peekBody(Readable.from([Buffer.from('{"id":')]), {})).calls, [], 'no JSON')
  t.equal(await calls({ ...call, pad: 'x'.repeat(70_000) }), undefined, 'too large to be read')
})

t.test(
  'which mailbox a call names is read where it is the one call, and nowhere else',
  async (t) => {
    const call = (args: unknown) => ({
      ...ping(1),
      method: 'tools/call',
      params: { name: 'read_email', arguments: args, account: 'not here' }
    })
    t.equal(json(call({ account: 'a@x.test' })).account, 'a@x.test')
    for (const args of [
      { text: '"account":"a@x.test"' },
      { account: 7 },
      { in: { account: 'a' } },
      5
    ])
      t.equal(json(call(args)).account, undefined, JSON.stringify(args))
    t.equal(json([call({ account: 'a@x.test' })]).account, undefined)
    t.equal(new PeekedBody(Readable.from([])).account, undefined)
    t.match(json(call({})).asked, { method: 'tools/call', tool: 'read_email' })
    t.equal(json([call({})]).asked, undefined)
  }
)

t.test('which request is taken back is read', async (t) => {
  const note = (requestId: unknown, method = 'notifications/cancelled') =>
    json({ method, params: { requestId } }).cancelled
  t.equal(note(7), 7)
  t.equal(note('a'), 'a')
  t.equal(note({}), undefined)
  t.equal(note(7, 'notifications/progress'), undefined)
})
