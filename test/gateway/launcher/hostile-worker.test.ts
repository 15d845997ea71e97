import { duplexPair } from 'node:stream'
import t from 'tap'
import { WorkerLink } from '../../../gateway/launcher/worker-link.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { launcherOf } from '../../helpers/launch-fixture.ts'

const DEEDS = [
  ...['rubbish', 'endless', 'flood', 'crumbs', 'negative', 'claims'],
  ...['prints', 'complains']
]

for (const deed of DEEDS)
  t.test(`a worker that has fallen ends itself alone: ${deed}`, async (t) => {
    const bad = launcherOf(t, 'hostile', { env: { HOSTILE: deed } }).launch()
    const good = launcherOf(t, 'good').launch()
    const before = process.memoryUsage().rss
    const { offence } = await bad.gone
    t.type(offence, 'string', 'it is known why')
    t.notMatch(offence, /no message|tool_calls/, 'in words that are not its own')
    t.ok(process.memoryUsage().rss - before < 64 * 2 ** 20, 'what it sent is not held')
    await good.ready
    t.match(await good.channel.ask({ type: 'ping' }), { type: 'pong' }, 'others are served')
    good.kill('SIGKILL')
    await good.gone
  })

t.test('a worker that does not read is ended after a while', async (t) => {
  const clock = new FakeClock()
  const [near, far] = duplexPair()
  const ends: (string | undefined)[] = []
  const onEnd = (why: string | undefined) => void ends.push(why)
  // Where nothing tells what a process does, it counts as asleep.
  const link = new WorkerLink({ clock, pair: near, look: () => undefined, onEnd })
  far.pause()
  link
    .connect()
    .on('error', () => {})
    .write(Buffer.alloc(2 ** 20))
  await new Promise(setImmediate)
  clock.advance(3999)
  t.same(ends, [])
  clock.advance(1)
  t.match(ends, [/does not read/])
})

t.test('a worker that reads again in time goes on', async (t) => {
  const clock = new FakeClock()
  const [near, far] = duplexPair()
  const ends: (string | undefined)[] = []
  const link = new WorkerLink({ clock, pair: near, onEnd: (why) => void ends.push(why) })
  link
    .connect()
    .on('error', () => {})
    .write(Buffer.alloc(2 ** 16))
  await new Promise(setImmediate)
  clock.advance(2000)
  far.resume()
  for (let turns = 0; turns < 10; turns++) await new Promise(setImmediate)
  clock.advance(10_000)
  t.same(ends, [])
  link.close()
})

t.test('time in which a worker could not have read does not count', async (t) => {
  const clock = new FakeClock()
  const [near, far] = duplexPair()
  const ends: (string | undefined)[] = []
  let thread = { isAsleep: false, ranMs: 0 }
  const onEnd = (why: string | undefined) => void ends.push(why)
  const link = new WorkerLink({ clock, pair: near, look: () => thread, onEnd })
  far.pause()
  link
    .connect()
    .on('error', () => {})
    .write(Buffer.alloc(2 ** 20))
  await new Promise(setImmediate)
  clock.advance(60_000)
  t.same(ends, [], 'it waited for the processor all the time')
  thread = { isAsleep: false, ranMs: 200 }
  clock.advance(250)
  t.same(ends, [], 'it was given some')
  thread = { isAsleep: true, ranMs: 200 }
  clock.advance(4000)
  t.match(ends, [/does not read/])
})
