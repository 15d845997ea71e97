import { createHash } from 'node:crypto'
import type { Test } from 'tap'
import { GatewayError } from '#shared/errors.ts'
import { asUserId } from '#shared/ids.ts'
import { createSendLedger, forgetOldSends } from '../../../gateway/store/send-ledger.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { newStore, onEach } from '../../helpers/store-engines.ts'

const ada = asUserId('100000000000000000001')
const ben = asUserId('100000000000000000002')
const HOUR = 3_600_000
const keyOf = (text: string): string => createHash('sha256').update(text).digest('hex')
const send = (key: string, messageId = `<${key}@acme.test>`, windowMs = HOUR, doubtMs = HOUR) => ({
  key: keyOf(key),
  content: keyOf('content'),
  messageId,
  windowMs,
  doubtMs
})

async function build(t: Test) {
  const store = await newStore(t)
  const clock = new FakeClock(Date.now())
  for (const id of [ada, ben])
    await store.db
      .insertInto('users')
      .values({
        id,
        email: `${id}@x.test`,
        hd: null,
        state: 'active',
        created_at: 1,
        last_seen_at: 1
      })
      .execute()
  const holders = new Set([ada, ben])
  const ledger = createSendLedger({
    store,
    clock,
    verifyLease: async (userId) => {
      if (!holders.has(userId)) throw new GatewayError('ERR_UNAVAILABLE', 'not mine')
    }
  })
  return { store, clock, ledger, holders }
}

const sent = { state: 'sent', id: 'a1', threadId: 'a2' } as const

onEach('a send is known by its key, for its person alone', async (t) => {
  const { ledger } = await build(t)
  t.same(await ledger.begin(ada, send('k')), { state: 'new' })
  await ledger.end(ada, { key: keyOf('k'), outcome: sent })
  t.same(await ledger.begin(ada, send('k', '<2@acme.test>')), {
    state: 'sent',
    messageId: '<k@acme.test>',
    id: 'a1',
    threadId: 'a2'
  })
  t.same(await ledger.begin(ada, { ...send('k'), content: keyOf('other') }), { state: 'other' })
  t.same(await ledger.begin(ben, send('k')), { state: 'new' })
})

onEach(
  'one that was begun and has not ended is in doubt, under its first Message-ID',
  async (t) => {
    const { ledger } = await build(t)
    await ledger.begin(ada, send('k'))
    t.match(await ledger.begin(ada, send('k', '<2@acme.test>')), {
      state: 'doubtful',
      messageId: '<k@acme.test>'
    })
    await ledger.end(ada, { key: keyOf('k'), outcome: { state: 'unknown' } })
    const again = await ledger.begin(ada, send('k', '<3@acme.test>'))
    t.match(again, { state: 'doubtful', messageId: '<k@acme.test>' })
    t.ok('ageMs' in again && again.ageMs < 60_000)
  }
)

onEach('what certainly failed is as if it had never been begun', async (t) => {
  const { ledger } = await build(t)
  await ledger.begin(ada, send('k'))
  await ledger.end(ada, { key: keyOf('k'), outcome: { state: 'failed' } })
  t.same(await ledger.begin(ada, send('k')), { state: 'new' })
  await ledger.end(ada, { key: keyOf('k'), outcome: sent })
  await ledger.end(ada, { key: keyOf('k'), outcome: { state: 'failed' } })
  t.match(await ledger.begin(ada, send('k')), { state: 'sent' }, 'not what was sent')
})

onEach('who may not serve the person notes nothing', async (t) => {
  const { ledger, holders, store } = await build(t)
  holders.delete(ada)
  await t.rejects(ledger.begin(ada, send('k')), { code: 'ERR_UNAVAILABLE' })
  t.same(await store.db.selectFrom('sends').selectAll().execute(), [])
  holders.add(ada)
  await ledger.begin(ada, send('k'))
  holders.delete(ada)
  const ending = ledger.end(ada, { key: keyOf('k'), outcome: { state: 'failed' } })
  await t.rejects(ending, { code: 'ERR_UNAVAILABLE' })
  holders.add(ada)
  t.match(await ledger.begin(ada, send('k')), { state: 'doubtful' })
})

onEach('a look tells what is known and begins nothing', async (t) => {
  const { ledger, store, holders } = await build(t)
  const look = () => ledger.look(ada, { key: keyOf('k') })
  t.same(await look(), { state: 'new' })
  t.same(await store.db.selectFrom('sends').selectAll().execute(), [])
  await ledger.begin(ada, send('k'))
  const before = await store.db.selectFrom('sends').selectAll().execute()
  t.match(await look(), { state: 'doubtful', messageId: '<k@acme.test>' })
  t.same(await store.db.selectFrom('sends').selectAll().execute(), before)
  await ledger.end(ada, { key: keyOf('k'), outcome: sent })
  t.match(await look(), { state: 'sent', messageId: '<k@acme.test>', id: 'a1' })
  t.same(await ledger.look(ben, { key: keyOf('k') }), { state: 'new' })
  holders.delete(ada)
  await t.rejects(look(), { code: 'ERR_UNAVAILABLE' })
})

onEach('what was made and is gone may be made again', async (t) => {
  const { ledger } = await build(t)
  await ledger.begin(ada, send('k'))
  await ledger.end(ada, { key: keyOf('k'), outcome: sent })
  await ledger.end(ada, { key: keyOf('k'), outcome: { state: 'gone' } })
  t.same(await ledger.begin(ada, send('k')), { state: 'new' })
})

onEach("a gateway's own clock decides nothing where the database has one", async (t) => {
  const { ledger, store, clock } = await build(t)
  const isShared = store.terms.engine === 'postgres'
  await ledger.begin(ada, send('k'))
  await ledger.end(ada, { key: keyOf('k'), outcome: sent })
  await ledger.begin(ada, send('doubt'))
  clock.advance(2 * HOUR)
  t.equal(await forgetOldSends(store, clock), isShared ? 0 : 2)
  const known = await ledger.look(ada, { key: keyOf('doubt') })
  t.match(known, isShared ? { state: 'doubtful', ageMs: Number } : { state: 'new' })
  t.ok(!('ageMs' in known) || known.ageMs < 60_000, 'it is as old as the database says')
  t.match(await ledger.begin(ada, send('k')), { state: isShared ? 'sent' : 'new' })
})

onEach('what is over is forgotten, and an erased person with it', async (t) => {
  const { ledger, store, clock } = await build(t)
  const past = {
    user_id: ada,
    content: keyOf('c'),
    message_id: '<1@x>',
    sent_id: 'a1',
    thread_id: 'a2'
  }
  const old = { ...past, key: keyOf('old'), begun_at: 1, window_ms: 1, forget_at: 2 }
  await store.db.insertInto('sends').values(old).execute()
  t.same(await ledger.look(ada, { key: keyOf('old') }), { state: 'new' }, 'removed or not')
  t.same(await ledger.begin(ada, { ...send('old'), content: keyOf('new') }), { state: 'new' })
  t.match(await ledger.look(ada, { key: keyOf('old') }), {
    state: 'doubtful',
    messageId: '<old@acme.test>'
  })
  await store.db
    .insertInto('sends')
    .values({ ...old, key: keyOf('older') })
    .execute()
  t.equal(await forgetOldSends(store, clock), 1)
  t.same(await store.db.selectFrom('sends').select('key').execute(), [{ key: keyOf('old') }])
  await store.db.deleteFrom('users').where('id', '=', ada).execute()
  t.same(await store.db.selectFrom('sends').selectAll().execute(), [])
})

onEach('a worker that begins more than anybody can send is told no', async (t) => {
  const { ledger, store } = await build(t)
  const row = {
    user_id: ada,
    content: keyOf('c'),
    message_id: '<1@x>',
    sent_id: null,
    thread_id: null
  }
  const times = { begun_at: Date.now(), window_ms: 1, forget_at: Date.now() + HOUR }
  for (let from = 0; from < 5000; from += 500) {
    const rows = Array.from({ length: 500 }, (_, at) => ({
      ...row,
      ...times,
      key: keyOf(`${from + at}`)
    }))
    await store.db.insertInto('sends').values(rows).execute()
  }
  t.same(await ledger.begin(ada, send('one more')), { state: 'unavailable' })
  t.match(await ledger.begin(ben, send('one more')), { state: 'new' })
})
