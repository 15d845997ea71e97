import t from 'tap'
import { asUserId } from '#shared/ids.ts'
import { GrantNotifier } from '../../../gateway/mcp/grant-notifier.ts'
import { buildSupervisor } from '../../helpers/build-supervisor.ts'
import type { FakeChild } from '../../helpers/fake-launcher.ts'
import { settled } from '../../helpers/settled.ts'

const ann = asUserId('ann')
const bob = asUserId('bob')

/** News over fake workers; `listeners` have a stream open. */
function build(limits: Parameters<typeof buildSupervisor>[1], ...listeners: string[]) {
  const lab = buildSupervisor({}, limits)
  const news = new GrantNotifier({
    supervisor: lab.supervisor,
    streams: { hasStreams: (userId) => listeners.includes(userId), bind: async () => {} },
    assignment: async () => ({ email: 'ann@example.com', googleScopes: ['new'] })
  })
  return { ...lab, news }
}

const newsFor = ({ heard }: FakeChild) => heard.filter(({ type }) => type === 'granted')
const NEWS = [{ type: 'granted', googleScopes: ['new'] }]

t.test('a worker that was given the old grant at its start hears of the new one', async (t) => {
  const { supervisor, launcher, news } = build({ concurrentStarts: 1 })
  launcher.manners = { isPrompt: false }
  const calls = [supervisor.acquire(ann), supervisor.acquire(bob)]
  await settled()
  const changes = [news.grantChanged(ann), news.grantChanged(bob)] // one starts, the other waits for its turn
  launcher.manners = {}
  launcher.child(0).isReady()
  await settled()
  launcher.child(0).says({ type: 'assigned' })
  await Promise.all([...calls, ...changes])
  t.strictSame(launcher.children.map(newsFor), [NEWS, NEWS])
})

t.test('where nobody would hear of it, nothing starts', async (t) => {
  const { supervisor, launcher, news } = build({})
  await news.grantChanged(ann)
  t.strictSame(launcher.children, [])
  const { release } = await supervisor.acquire(ann)
  release()
  await supervisor.stop(ann, 'idle', 'drain')
  await news.grantChanged(ann)
  t.equal(launcher.children.length, 1)
})

t.test('what a full gateway could not tell is told by the next worker, once', async (t) => {
  const { supervisor, launcher, clock, news } = build({ workerLimit: 1 }, 'bob')
  const busy = await supervisor.acquire(ann)
  const change = news.grantChanged(bob)
  change.catch(() => {})
  await settled()
  clock.advance(500)
  await t.rejects(change, { code: 'ERR_WORKER_CAPACITY' })
  busy.release()
  await supervisor.stop(ann, 'idle', 'drain')
  for (const _ of [1, 2]) {
    const { worker, release } = await supervisor.acquire(bob)
    news.workerReady(worker.userId)
    await settled()
    release()
  }
  t.strictSame(newsFor(launcher.child(1)), NEWS)
})

t.test('two changes that come together are told as one, two in a row as two', async (t) => {
  const { launcher, news } = build({}, 'ann')
  await Promise.all([news.grantChanged(ann), news.grantChanged(ann)])
  t.strictSame(newsFor(launcher.child(0)), NEWS)
  await news.grantChanged(ann)
  t.equal(newsFor(launcher.child(0)).length, 2)
})
