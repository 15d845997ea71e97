import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import type { ToWorker } from '#shared/worker-protocol.ts'
import { WorkerChannelEnd } from '../../../gateway/launcher/worker-channel.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

const GONE = { code: 'ERR_WORKER_GONE' }
const pong = (id: number) => ({ type: 'pong', id, lagSeconds: 0 })

/** A channel whose worker has not answered yet. */
function open() {
  const clock = new FakeClock()
  const posted: ToWorker[] = []
  const channel = new WorkerChannelEnd({ clock, post: (message) => void posted.push(message) })
  return { clock, posted, channel }
}

t.test('a question is answered by its own answer', async (t) => {
  const { posted, channel } = open()
  const [first, second] = [channel.ask({ type: 'ping' }), channel.ask({ type: 'ping' })]
  t.match(posted, [
    { type: 'ping', id: 1 },
    { type: 'ping', id: 2 }
  ])
  channel.receive(pong(2))
  channel.receive(pong(1))
  t.match([await first, await second], [{ id: 1 }, { id: 2 }])
})

t.test('numbers and names that no worker of ours has are none', async (t) => {
  const { channel } = open()
  const counts = (value: number) => ({
    type: 'metrics',
    counts: [{ name: 'gmail_units', labels: {}, value }],
    observations: []
  })
  const seconds = (value: number) => ({
    type: 'metrics',
    counts: [],
    observations: [{ name: 'tool_seconds', labels: {}, value }]
  })
  const long = 'x'.repeat(10_000)
  for (const message of [
    ...[counts(1e308), counts(-1), seconds(1e308), seconds(-1)],
    ...[-1, 1e308].map((lagSeconds) => ({ ...pong(1), lagSeconds })),
    { type: 'hello', protocol: 5, version: long },
    { type: 'session-abandoned', sessionId: long },
    { type: 'sign-in', id: 1, session: long, question: { ask: 'check', waitMs: 0 } }
  ])
    t.throws(() => channel.receive(message), { name: 'ZodError' }, JSON.stringify(message))
  for (const message of [counts(100_000), seconds(3600)])
    t.doesNotThrow(() => channel.receive(message))
})

t.test('whoever waits hears of the end, or of the time that is over', async (t) => {
  const { clock, channel } = open()
  const late = channel.ask({ type: 'ping' }, 500)
  clock.advance(500)
  await t.rejects(late, { ...GONE, message: /in time/ })
  const [answer, ready] = [channel.ask({ type: 'ping' }), channel.next('ready')]
  channel.close()
  await t.rejects(Promise.any([answer, ready]), {
    errors: [1, 2].map(() => ({ ...GONE, message: /ended/ }))
  })
  channel.close()
  await t.rejects(channel.ask({ type: 'ping' }), GONE)
  await t.rejects(channel.next('ready'), GONE)
})

t.test('an answer is kept no longer than its question', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const { channel } = open()
  const answers: WeakRef<object>[] = []
  for (let id = 1; id <= 20; id += 1) {
    const answer = channel.ask({ type: 'ping' })
    channel.receive(pong(id))
    answers.push(new WeakRef(await answer))
  }
  const left = () => answers.filter((answer) => answer.deref() !== undefined).length
  for (let round = 0; round < 20 && left() > 1; round += 1) {
    await new Promise(setImmediate) // a reference is held until the end of a turn
    collect()
  }
  t.ok(left() <= 1, `${left()} of 20 are still there`)
  channel.close()
})
