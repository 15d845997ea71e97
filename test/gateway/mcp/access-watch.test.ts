import t, { type Test } from 'tap'
import type { Access } from '../../../gateway/accounts/access-liveness.ts'
import { AccessWatch } from '../../../gateway/mcp/access-watch.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { settled } from '../../helpers/settled.ts'

const access = (accessId: string): Access => ({ credential: 'oauth', accessId, expiresAt: 60 })

function build(t: Test) {
  const clock = new FakeClock()
  const dead = new Set<string>()
  const asked: string[] = []
  const failed: unknown[] = []
  const store = { isDown: false }
  const watch = new AccessWatch({
    clock,
    failed: (error) => failed.push(error),
    async isLive({ accessId }) {
      asked.push(accessId)
      if (store.isDown) throw new Error('down')
      return !dead.has(accessId)
    }
  })
  t.teardown(() => watch.close())
  const pass = async () => {
    clock.advance(2000)
    await settled()
  }
  return { clock, dead, asked, failed, store, watch, pass }
}

t.test('what rests on access that has ended ends once, and nothing else', async (t) => {
  const { dead, asked, watch, pass } = build(t)
  const ended: string[] = []
  watch.add(access('a'), () => ended.push('one'))
  watch.add(access('a'), () => ended.push('two'))
  watch.add(access('b'), () => ended.push('other'))
  const forget = watch.add(access('a'), () => ended.push('over before'))
  forget()
  forget()
  await pass()
  t.same(asked, ['a', 'b'], 'one look-up for each')
  t.same(ended, [])
  dead.add('a')
  await pass()
  t.same(ended, ['one', 'two'])
  await pass()
  await pass()
  t.same(ended, ['one', 'two'])
})

t.test('a store that cannot be asked ends nothing, and is asked again', async (t) => {
  const { dead, failed, store, watch, pass } = build(t)
  let ended = 0
  watch.add(access('a'), () => {
    ended += 1
  })
  dead.add('a')
  store.isDown = true
  await pass()
  await pass()
  t.equal(ended, 0)
  t.match(failed, [{ message: 'down' }])
  t.equal(failed.length, 1, 'told once')
  store.isDown = false
  await pass()
  t.equal(ended, 1)
})

t.test('who has nothing open is not asked about', async (t) => {
  const { asked, watch, pass } = build(t)
  watch.add(access('a'), () => {})()
  await pass()
  t.same(asked, [])
  watch.close()
  watch.close()
  watch.add(access('b'), () => {})
  await pass()
  t.same(asked, [], 'nor after the end')
})

t.test(
  'where many can be asked about at once, only the doubtful are looked at, and sooner',
  async (t) => {
    const clock = new FakeClock()
    const asked: string[] = []
    const together: number[] = []
    const ended: string[] = []
    const watch = new AccessWatch({
      clock,
      failed: (error) => void t.fail(String(error)),
      async isLive({ accessId }) {
        asked.push(accessId)
        return accessId !== 'b'
      },
      async doubtful(accesses) {
        together.push(accesses.length)
        return accesses.filter(({ accessId }) => accessId !== 'a')
      }
    })
    t.teardown(() => watch.close())
    for (const name of ['a', 'b', 'c']) watch.add(access(name), () => ended.push(name))
    clock.advance(700)
    await settled()
    t.same(together, [3])
    t.same(asked, ['b', 'c'])
    t.same(ended, ['b'], 'what is doubtful is not over yet')
  }
)
