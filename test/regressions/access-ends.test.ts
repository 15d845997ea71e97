import { createHash } from 'node:crypto'
import t from 'tap'
import { openStore } from '../../gateway/store/store.ts'
import {
  call,
  endpointOf,
  fixtureWorker,
  messageOf,
  modern,
  modernCall,
  openSession,
  type Person,
  peopleOf,
  send,
  textOf,
  until
} from '../helpers/mcp-http.ts'
import { startGateway } from '../helpers/start-gateway.ts'

// RFC 7009 §2 and the product's own promise: what rests on access ends within 5 s of its end, whichever way
// it ends. Here it is ended in the store, as by another gateway: nobody tells this one.
t.test('when access ends, what is open under it ends', async (t) => {
  const gateway = await startGateway({
    google: peopleOf(4),
    settings: { WORKER_ENTRY: fixtureWorker('tools') }
  })
  const store = await openStore(gateway.config.DATABASE_URL)
  t.teardown(async () => {
    await store.close()
    await gateway.close()
  })

  const ways: Record<string, (sub: string) => Promise<unknown>> = {
    'the token is revoked': (sub) =>
      store.db.deleteFrom('personal_tokens').where('user_id', '=', sub).execute(),
    'its time is over': (sub) =>
      store.db
        .updateTable('personal_tokens')
        .set({ expires_at: Date.now() })
        .where('user_id', '=', sub)
        .execute(),
    'the account is blocked': (sub) =>
      store.db.updateTable('users').set({ state: 'blocked' }).where('id', '=', sub).execute()
  }
  const everything = async (me: Person) => {
    const session = await openSession(me)
    const streams = await Promise.all([
      send(me, { method: 'GET', session }),
      send(me, modern('subscriptions/listen', { notifications: { toolsListChanged: true } }))
    ])
    const wait = { ms: 60_000, text: 'done' }
    const calls = [
      send(me, { session, body: call('wait', wait, 'old') }).then(messageOf),
      send(me, modernCall('wait', wait, 'young')).then(messageOf)
    ]
    const waiting = async () =>
      JSON.parse(textOf(await messageOf(await send(me, modernCall('seen')))) ?? '{}').waiting
    await until(async () => (await waiting()) === 2)
    return { session, streams, calls }
  }

  for (const [person, [way, end]] of Object.entries(ways).entries())
    t.test(way, async (t) => {
      const me = endpointOf(gateway, person)
      const { session, streams, calls } = await everything(me)
      await end(me.sub)
      await Promise.all(streams.map((stream) => stream.text()))
      for (const [n, id] of ['old', 'young'].entries())
        t.match(await calls[n], { id, error: { data: { code: 'ERR_ACCESS_ENDED' } } })
      t.match((await send(me, { session, body: call('seen') })).status, /^40[13]$/)
    })

  t.test('a stream of a session goes on with the token that its client has now', async (t) => {
    const me = endpointOf(gateway, 3)
    const session = await openSession(me)
    const stream = await send(me, { method: 'GET', session })
    const other = await send(me, modern('subscriptions/listen', { notifications: {} }))
    const [row] = await store.db
      .selectFrom('personal_tokens')
      .selectAll()
      .where('user_id', '=', me.sub)
      .execute()
    t.ok(row)
    if (!row) return
    const young = { ...me, token: `mcp_token_${'n'.repeat(43)}` }
    const hash = createHash('sha256').update(young.token).digest('base64url')
    await store.db
      .insertInto('personal_tokens')
      .values({ ...row, hash })
      .execute()
    t.equal((await send(young, { session, body: call('seen') })).status, 200)
    await store.db.deleteFrom('personal_tokens').where('hash', '=', row.hash).execute()
    let hasEnded = false
    const ended = stream.text().then(() => {
      hasEnded = true
    })
    await other.text()
    t.notOk(hasEnded, 'what rests on the old token alone has ended by now')
    await store.db.deleteFrom('personal_tokens').where('hash', '=', hash).execute()
    await ended
  })
})
