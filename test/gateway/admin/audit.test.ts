import { createAudit } from '../../../gateway/admin/audit.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { newStore, onEach } from '../../helpers/store-engines.ts'

onEach('the audit forgets what is older than it is to keep', async (t) => {
  const store = await newStore(t)
  const clock = new FakeClock(1_000_000)
  const audit = createAudit({ store, clock, keepMs: 5000 })
  const note = (target: string) =>
    audit.note({ actor: 'admin', action: 'x', target, reason: undefined, requestId: undefined })
  const targets = async () => (await audit.list({ limit: 10 })).map(({ target }) => target)
  await note('first')
  clock.advance(3000)
  await note('second')
  t.equal(await audit.sweep(), 0)
  t.same(await targets(), ['second', 'first'])
  clock.advance(2000)
  t.equal(await audit.sweep(), 1)
  t.same(await targets(), ['second'])
})
