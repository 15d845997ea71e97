import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { systemClock } from '#shared/clock.ts'
import { type Change, ChangeFeed } from '../../../gateway/store/change-feed.ts'
import { openStore, type Store } from '../../../gateway/store/store.ts'
import {
  startPgbouncer,
  startPostgres,
  withoutPgbouncer,
  withoutPostgres
} from '../../helpers/postgres.ts'
import { becomes } from '../../helpers/until.ts'

const block = (subject: string): Change => ({ kind: 'block', subject })

function feed(t: Test, store: Store, node: string) {
  const heard: Change[] = []
  const failures: unknown[] = []
  const changes = new ChangeFeed({
    store,
    clock: systemClock,
    node,
    heard: (change) => void heard.push(change),
    failed: (error) => void failures.push(error)
  })
  t.teardown(() => changes.close())
  return { changes, heard, failures }
}

t.test(
  'every other gateway hears of each change, in their order',
  { skip: withoutPostgres },
  async (t) => {
    const server = await startPostgres(t)
    const url = await server.newDatabase()
    const open = async () => {
      const store = await openStore(url, {}, { poolSize: 3 })
      t.teardown(() => store.close())
      return store
    }
    const [here, there, third] = [await open(), await open(), await open()]
    const one = feed(t, here, 'one')
    const two = feed(t, there, 'two')
    await Promise.all([one.changes.look(), two.changes.look()])

    await one.changes.tell(block('a'))
    t.ok(
      await becomes(
        async () => two.heard.length,
        (n) => n === 1
      )
    )
    t.same(two.heard, [block('a')])
    t.same(one.heard, [], 'who tells does not hear it')

    t.test('also what is stored out of the order in which it began', async (t) => {
      const many = Array.from({ length: 40 }, (_, n) => block(String(n)))
      await Promise.all(many.map((change, n) => (n % 2 === 0 ? one : two).changes.tell(change)))
      const mine = many.filter((_, n) => n % 2 === 1).map(({ subject }) => subject)
      t.ok(
        await becomes(
          async () => one.heard.length,
          (n) => n === mine.length
        )
      )
      t.same(one.heard.map(({ subject }) => subject).sort(), mine.sort(), 'each once')
    })

    t.test('whoever starts later hears of what is to come', async (t) => {
      const late = feed(t, third, 'three')
      await late.changes.look()
      t.same(late.heard, [])
      await two.changes.tell({ kind: 'session', subject: 's-1' })
      t.ok(
        await becomes(
          async () => late.heard.length,
          (n) => n === 1
        )
      )
    })

    t.test(
      'a standby that took over without the last ones gives their numbers out again',
      async (t) => {
        const before = two.heard.length
        await here.db
          .updateTable('change_version')
          .set({ version: 1 })
          .where('id', '=', 1)
          .execute()
        await here.db.deleteFrom('changes').where('version', '>', 1).execute()
        await two.changes.look()
        await one.changes.tell(block('after'))
        t.ok(
          await becomes(
            async () => two.heard.at(-1)?.subject,
            (last) => last === 'after'
          )
        )
        t.ok(two.heard.length > before)
      }
    )

    t.test('a database that restarts loses nobody', async (t) => {
      await server.kill()
      await server.start()
      await one.changes.tell(block('again'))
      t.ok(
        await becomes(
          async () => two.heard.at(-1)?.subject,
          (last) => last === 'again'
        )
      )
    })
  }
)

t.test(
  'behind a pooler that swallows notifications it takes a look',
  { skip: withoutPgbouncer },
  async (t) => {
    const server = await startPostgres(t)
    const url = (await startPgbouncer(t, server)).through(await server.newDatabase())
    const [here, there] = [await openStore(url), await openStore(url)]
    t.teardown(() => Promise.all([here.close(), there.close()]))
    const one = feed(t, here, 'one')
    const two = feed(t, there, 'two')
    await two.changes.look()
    await pause(100) // the listeners have been told that they listen
    await one.changes.tell(block('a'))
    t.ok(
      await becomes(
        async () => two.heard.length,
        (n) => n === 1
      )
    )
  }
)
