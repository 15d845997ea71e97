import { randomUUID } from 'node:crypto'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import t from 'tap'
import { readCallEventId, toldId } from '../../../gateway/relay/call-event-id.ts'
import type { Exchange } from '../../../gateway/relay/exchange.ts'
import { ResumableAnswers } from '../../../gateway/relay/resumable-answers.ts'
import { asUserId } from '../../../shared/ids.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

const SESSION = { hash: 'session' }
const KIB = 1024

const response = (): ServerResponse => new ServerResponse(new IncomingMessage(new Socket()))

/** A call of Ann's whose answer has begun, for a client of this revision. */
function callOf(kept: ResumableAnswers, rpcId: string | number = 1, revision = '2025-11-25') {
  const raw = response()
  const call = { rpcId, method: 'tools/call', tool: 'x', isEnded: false, isFailed: false }
  const exchange = {
    id: randomUUID(),
    session: SESSION,
    caller: { userId: asUserId('ann') },
    calls: [call],
    mostCalls: 1,
    reply: { raw, request: { headers: { 'mcp-protocol-version': revision } } }
  } as unknown as Exchange // what is looked at
  return { raw, call, id: exchange.id, answer: kept.begin(exchange) }
}

/** One whose client left before the answer, of so many bytes, had come. */
function lostCall(kept: ResumableAnswers, bytes: number) {
  const { raw, id, answer } = callOf(kept)
  raw.destroy()
  answer?.add(Buffer.from(`data: ${'x'.repeat(bytes)}\n\n`), false)
  answer?.over()
  return id
}

/** Whether a client that comes back gets its answer now. */
const isThere = (kept: ResumableAnswers, id: string): boolean =>
  kept.find(id, SESSION)?.follow(response()) ?? false

t.test('an answer waits for a minute, and is given once it has arrived', async (t) => {
  const clock = new FakeClock()
  const kept = new ResumableAnswers(clock, 'a-node-1')
  const [first, second] = [lostCall(kept, 10), lostCall(kept, 10)]
  const to = response()
  t.ok(kept.find(first, SESSION)?.follow(to))
  to.emit('finish')
  t.notOk(isThere(kept, first), 'it is taken')
  t.notOk(kept.find(second, { hash: 'another session' }))
  clock.advance(50_000)
  t.ok(isThere(kept, second))
  clock.advance(30_000)
  t.notOk(kept.find(second, SESSION))
})

t.test('what is kept is bounded, for each answer and for each person', async (t) => {
  const kept = new ResumableAnswers(new FakeClock(), 'a-node-1')
  t.notOk(isThere(kept, lostCall(kept, 257 * KIB)), 'too long')
  const all = Array.from({ length: 9 }, () => lostCall(kept, 250 * KIB))
  t.same(
    all.map((id) => isThere(kept, id)),
    [false, ...Array.from({ length: 8 }, () => true)],
    'the oldest gives way to 2 MiB'
  )
  kept.close()
})

t.test('what a client has taken is not kept', async (t) => {
  const kept = new ResumableAnswers(new FakeClock(), 'a-node-1')
  for (const isFailed of [false, true]) {
    const { raw, call, id, answer } = callOf(kept)
    answer?.add(Buffer.from('data: {}\n\n'), false)
    call.isFailed = isFailed
    answer?.over()
    raw.emit('finish')
    t.equal(answer?.bytes, 0)
    t.notOk(isThere(kept, id))
    t.equal(kept.find(id, SESSION)?.wasRefused, isFailed, 'some come back after an error')
  }
  kept.close()
})

t.test('an event id says which call it is of, and fits into a header', async (t) => {
  const kept = new ResumableAnswers(new FakeClock(), 'a-node-1')
  for (const rpcId of [0, 'é\n"x"', 'x'.repeat(200)]) {
    const { id, answer } = callOf(kept, rpcId)
    const eventId = answer?.eventId ?? ''
    t.match(eventId, /^[\w.-]+$/)
    const call = { exchange: id, node: 'a-node-1', rpcId }
    t.same(readCallEventId(eventId), { ...call, isTold: false })
    t.same(readCallEventId(toldId(eventId)), { ...call, isTold: true })
  }
  t.notOk(callOf(kept, 'x'.repeat(1000)).answer)
  for (const revision of ['2025-06-18', '2026-07-28', 'latest'])
    t.notOk(callOf(kept, 1, revision).answer, revision)
  for (const text of ['', 'call.x', `call.${randomUUID()}.a-node-1.bm8`, ['a']])
    t.notOk(readCallEventId(text))
  kept.close()
})
