import t from 'tap'
import { type HostFacts, hostId } from '../../../gateway/ownership/host-id.ts'

const none = (): never => {
  throw new Error('ENOENT')
}
const facts = (files: Record<string, string>, more: Partial<HostFacts> = {}): HostFacts => ({
  read: (path) => files[path] ?? none(),
  link: none,
  hostname: () => 'localhost',
  addresses: () => [],
  ...more
})
const BOOT = '/proc/sys/kernel/random/boot_id'
const link = (path: string) => `${path.split('/').at(-1)}:[4026531840]`

t.test('a boot of a machine and a container in it are told apart from all others', async (t) => {
  t.equal(hostId(facts({ [BOOT]: 'b-1\n' }, { link })), 'b-1 net:[4026531840] pid:[4026531840]')
  const other = (path: string) => `${link(path)}2`
  t.not(
    hostId(facts({ [BOOT]: 'b-1' }, { link: other })),
    hostId(facts({ [BOOT]: 'b-1' }, { link }))
  )
})

t.test(
  'two machines of one name are two, also where the system does not tell its boot',
  async (t) => {
    const ids = [
      facts({ '/etc/machine-id': 'm-1\n' }),
      facts({ '/etc/machine-id': 'm-2\n' }),
      facts({ '/var/lib/dbus/machine-id': 'm-3\n' }),
      facts({}, { addresses: () => ['02:00:00:00:00:01'] }),
      facts({}, { addresses: () => ['02:00:00:00:00:02'] }),
      facts({}),
      facts({ [BOOT]: 'b-1' }), // its containers cannot be told apart by it
      facts({ [BOOT]: 'b-1' }, { hostname: () => 'c0ffee' })
    ].map((each) => hostId(each))
    t.equal(new Set(ids).size, ids.length)
    t.notOk(ids.includes(''))
  }
)

t.test('one machine is one, in whatever order its cards are told', async (t) => {
  const of = (...cards: string[]) => hostId(facts({}, { addresses: () => cards }))
  t.equal(of('b', 'a', 'a'), of('a', 'b'))
  t.equal(hostId(), hostId(), 'this one')
})
