import t, { type Test } from 'tap'
import { createAudit } from '../../../gateway/admin/audit.ts'
import { AuditQueue } from '../../../gateway/admin/audit-queue.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { settled } from '../../helpers/settled.ts'
import { newStore, onEach } from '../../helpers/store-engines.ts'

const entry = (target: string) => ({
  ...({ actor: 'admin', action: 'x', target } as const),
  ...{ reason: undefined, requestId: undefined }
})

async function build(t: Test, keep: { keepMs: number; keepRows: number }) {
  const store = await newStore(t)
  const clock = new FakeClock(1_000_000)
  const audit = createAudit({ store, clock, ...keep })
  const targets = async () => (await audit.list({ limit: 100 })).map(({ target }) => target)
  return { clock, audit, targets }
}

onEach('the audit forgets what is older than it is to keep', async (t) => {
  const { clock, audit, targets } = await build(t, { keepMs: 5000, keepRows: 1000 })
  await audit.note(entry('first'))
  clock.advance(3000)
  await audit.note(entry('second'))
  t.equal(await audit.sweep(), 0)
  t.same(await targets(), ['second', 'first'])
  clock.advance(2000)
  t.equal(await audit.sweep(), 1)
  t.same(await targets(), ['second'])
})

onEach('the audit keeps so many entries, the latest ones', async (t) => {
  const { audit, targets } = await build(t, { keepMs: 5000, keepRows: 3 })
  t.equal(await audit.sweep(), 0, 'an empty one too')
  await audit.noteAll(
    ['a', 'b', 'c', 'd', 'e'].map((target) => ({ ...entry(target), at: 999_999 }))
  )
  t.equal(await audit.sweep(), 2)
  t.same(await targets(), ['e', 'd', 'c'])
})

onEach('what has happened is written a moment later, and nobody waits for it', async (t) => {
  const { clock, audit, targets } = await build(t, { keepMs: 5000, keepRows: 1000 })
  let lost = 0
  let isFull = true
  const queue = new AuditQueue({
    clock,
    audit: {
      noteAll: async (entries) => {
        if (isFull) throw new Error('the disk is full')
        await audit.noteAll(entries)
      }
    },
    onLost: () => {
      lost += 1
    }
  })
  queue.record(entry('first'))
  queue.record(entry('second'))
  await settled()
  t.same(await targets(), [], 'not while the database cannot be written')
  isFull = false
  clock.advance(5000)
  await queue.close()
  t.same(await targets(), ['second', 'first'], 'but then, in order')
  t.equal(lost, 0)
  queue.record(entry('late'))
  t.equal(lost, 1, 'nothing is taken after the end')
})

t.test(
  'what waits for a database that stays away is bounded, and what is lost is counted',
  async (t) => {
    let lost = 0
    const queue = new AuditQueue({
      clock: new FakeClock(),
      audit: { noteAll: async () => Promise.reject(new Error('gone')) },
      onLost: () => {
        lost += 1
      }
    })
    for (let i = 0; i < 2500; i += 1) queue.record(entry('x'))
    t.equal(lost, 500)
    await queue.close()
    t.equal(lost, 2500)
  }
)
