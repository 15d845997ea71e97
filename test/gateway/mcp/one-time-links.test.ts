import t from 'tap'
import { asUserId } from '#shared/ids.ts'
import { type FileTarget, OneTimeLinks } from '../../../gateway/mcp/one-time-links.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

const target = { userId: asUserId('1'), messageId: 'm', partId: '1', accesses: [] }

t.test('a link is used up by content that arrived, and by nothing else', async (t) => {
  const links = new OneTimeLinks<FileTarget>(new FakeClock())
  const { ticket } = links.create(target)
  t.match(links.find(ticket), target, 'looking takes nothing')
  t.match(links.find(ticket), target)
  const first = links.lend(ticket)
  t.match(first?.target, target)
  t.equal(links.lend(ticket), undefined, 'nobody else gets it meanwhile')
  t.equal(links.find(ticket), undefined)
  first?.giveBack()
  const second = links.lend(ticket)
  t.ok(second, 'a broken download may be tried again')
  second?.used()
  t.equal(links.lend(ticket), undefined)
  t.equal(links.find(ticket), undefined)
})

t.test('a link is too old after ten minutes', async (t) => {
  const clock = new FakeClock()
  const links = new OneTimeLinks<FileTarget>(clock)
  const { ticket, expiresAt } = links.create(target)
  t.equal(expiresAt, 600_000)
  clock.advance(599_999)
  t.ok(links.find(ticket))
  clock.advance(1)
  t.equal(links.find(ticket), undefined)
  t.equal(links.lend(ticket), undefined)
})
