import t from 'tap'
import { asUserId } from '#shared/ids.ts'
import type { FromWorker, ToWorker } from '#shared/worker-protocol.ts'
import { dispatchWorkerMessages } from '../../../gateway/mcp/worker-messages.ts'
import { Exchanges } from '../../../gateway/relay/exchange.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { settled } from '../../helpers/settled.ts'

const HASH = 'a'.repeat(64)

/** A desk over things that only count. */
function build() {
  const clock = new FakeClock()
  const lines: unknown[] = []
  const asked: (() => void)[] = []
  const seen = { atOnce: 0, most: 0, sent: 0 }
  const begin = async () => {
    seen.atOnce += 1
    seen.most = Math.max(seen.most, seen.atOnce)
    await new Promise<void>((resolve) => asked.push(resolve))
    seen.atOnce -= 1
    return { state: 'new' as const }
  }
  const note = (level: string) => (fields: unknown) => lines.push({ level, ...Object(fields) })
  const desk = dispatchWorkerMessages({
    sends: { begin },
    exchanges: {
      get: (id: string) => (id === 'other' ? { worker: {} } : undefined),
      ended: () => undefined
    },
    ledger: { called() {} },
    metrics: { http: { misroutesBlocked: { inc() {} } } },
    onSent: () => {
      seen.sent += 1
    },
    log: { warn: note('warn'), error: note('error'), info: note('info') },
    now: () => clock.monotonic()
  } as never)
  const workerOf = (name: string) => {
    const answers: ToWorker[] = []
    const worker = {
      id: `w-${name}`,
      userId: asUserId(name),
      channel: { send: (message: ToWorker) => void answers.push(message) }
    }
    return { answers, say: (message: FromWorker) => desk(worker as never, message) }
  }
  return { clock, lines, asked, seen, workerOf }
}

const question = (id: number): FromWorker => ({
  type: 'send',
  id,
  question: {
    ask: 'begin',
    key: HASH,
    content: HASH,
    messageId: '<1@x>',
    windowMs: 1000,
    doubtMs: 1000
  }
})

t.test('a worker that asks without an end keeps nobody from the store', async (t) => {
  const { asked, seen, lines, workerOf } = build()
  const [bad, good] = [workerOf('bad'), workerOf('good')]
  for (let id = 1; id <= 4000; id += 1) bad.say(question(id))
  await settled()
  t.ok(seen.most <= 8, `${seen.most} at once`)
  good.say(question(1))
  await settled()
  t.equal(asked.length, seen.most, 'somebody else’s comes at once')
  for (let n = 0; n < 4000; n += 1) {
    for (const answer of asked.splice(0)) answer()
    await settled()
  }
  t.equal(good.answers.length, 1)
  t.ok(bad.answers.length < 600, 'and of the rest nothing is kept')
  t.match(lines[0], { level: 'warn', worker: 'w-bad', said: /more than can be answered/ })
})

t.test('what a worker says fills no log', async (t) => {
  const { clock, lines, workerOf } = build()
  const bad = workerOf('bad')
  const call = { type: 'call', request: 'other', rpcId: 1, method: 'tools/call' } as const
  for (let n = 0; n < 100; n += 1) {
    bad.say({ type: 'log', level: 'error', message: 'x' })
    bad.say(call)
  }
  t.equal(lines.length, 20)
  clock.advance(1000)
  bad.say(call)
  t.match(lines.at(-1), { said: /not its own/, notTold: 180 })
  workerOf('good').say({ type: 'log', level: 'warn', message: 'y' })
  t.match(lines.at(-1), { worker: 'w-good' })
})

t.test(
  'mail that a worker says it sent, for no call, drives nothing out of the audit',
  async (t) => {
    const { clock, seen, workerOf } = build()
    const bad = workerOf('bad')
    const sent: FromWorker = { type: 'call-ended', request: 'x', ms: 1, gmail: [], sentTo: 1 }
    for (let n = 0; n < 1000; n += 1) bad.say(sent)
    t.equal(seen.sent, 20)
    clock.advance(60_000)
    for (let n = 0; n < 1000; n += 1) bad.say(sent)
    t.equal(seen.sent, 26)
  }
)

t.test('no more calls are noted of a request than its body held', async (t) => {
  const exchanges = new Exchanges()
  const exchange = exchanges.open({ read: undefined, mostCalls: 2 } as never)
  const call = { rpcId: 1, method: 'tools/call', tool: undefined }
  t.same(
    [1, 2, 3].map(() => exchanges.heard(exchange, call)),
    [true, true, false]
  )
  t.equal(exchange.calls.length, 2)
})
