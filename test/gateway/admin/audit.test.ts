import t, { type Test } from 'tap'
import { asUserId } from '#shared/ids.ts'
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

onEach('whoever is erased while entries wait is not written down later', async (t) => {
  const { clock, audit } = await build(t, { keepMs: 5000, keepRows: 1000 })
  const userId = asUserId('100000000000000000007')
  const held = Promise.withResolvers<void>()
  let tries = 0
  const queue = new AuditQueue({
    clock,
    audit: {
      noteAll: async (entries) => {
        tries += 1
        if (tries === 1) await held.promise // the write that is on its way when the account is erased
        await audit.noteAll(entries)
      }
    },
    onLost: () => t.fail('nothing is lost')
  })
  const sent = { ...entry('recipients=1'), actor: `user:${userId}` } as const
  queue.record(sent)
  await settled()
  queue.record(sent)
  queue.record(entry(userId))
  let isForgotten = false
  const forgetting = queue.forget(userId).then(() => {
    isForgotten = true
  })
  await settled()
  t.notOk(isForgotten, 'not before that write has ended, whose row the erasure has to find')
  held.resolve()
  await forgetting
  const rows = await audit.list({ limit: 10 })
  t.same(
    rows.map(({ actor, target }) => [actor, target]),
    [
      ['admin', 'user'],
      ['user', 'recipients=1'],
      [`user:${userId}`, 'recipients=1'] // from before: the erasure changes what is there
    ]
  )
  await queue.close()
})

t.test('at the end a try that had begun is waited for, and made once more', async (t) => {
  const first = Promise.withResolvers<void>()
  const written: unknown[] = []
  let tries = 0
  const queue = new AuditQueue({
    clock: new FakeClock(),
    audit: {
      noteAll: async (entries) => {
        tries += 1
        if (tries === 1) await first.promise
        written.push(...entries)
      }
    },
    onLost: () => t.fail('nothing is lost')
  })
  queue.record(entry('last words'))
  await settled()
  const closing = queue.close()
  first.reject(new Error('locked'))
  await closing
  t.match(written, [{ target: 'last words' }])
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
