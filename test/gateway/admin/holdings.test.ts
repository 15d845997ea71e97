import { asUserId } from '#shared/ids.ts'
import { createHoldings } from '../../../gateway/admin/holdings.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { newStore, onEach } from '../../helpers/store-engines.ts'

onEach('what many people have is counted at once, each for themselves', async (t) => {
  const { db, ...store } = await newStore(t)
  const [ann, ben, cem] = ['1', '2', '3'].map(asUserId)
  if (!ann || !ben || !cem) throw new Error('three people were named')
  for (const id of [ann, ben])
    await db
      .insertInto('users')
      .values({
        id,
        email: `${id}@example.com`,
        hd: null,
        state: 'active',
        created_at: 0,
        last_seen_at: 0
      })
      .execute()
  const token = (hash: string, user_id: string, expires_at: number) =>
    db
      .insertInto('personal_tokens')
      .values({
        hash,
        user_id,
        name: 'n',
        level: 'gmail.read',
        created_at: 0,
        expires_at,
        last_used_at: null
      })
      .execute()
  await token('a', ann, 2000)
  await token('b', ann, 2000)
  await token('over', ann, 999)
  await token('c', ben, 2000)
  const row = (id: string, model: string, user_id: string, client_id: string, expires_at: number) =>
    db
      .insertInto('oauth')
      .values({
        ...{ id, model, user_id, client_id, expires_at, payload: '{}', grant_id: null, uid: null },
        ...{ created_at: 0, consumed_at: null }
      })
      .execute()
  await row('g1', 'Grant', ann, 'claude', 2000)
  await row('g2', 'Grant', ann, 'claude', 2000) // a second consent of the same client
  await row('g3', 'Grant', ann, 'cursor', 2000)
  await row('g4', 'Grant', ann, 'old', 999)
  await row('t1', 'AccessToken', ben, 'claude', 2000)
  await db
    .insertInto('google_grants')
    .values({ user_id: ann, sealed: 's', kid: 'k', scopes: 'openid email', updated_at: 0 })
    .execute()

  const holdings = createHoldings({ db, ...store }, new FakeClock(1000))
  const found = await holdings([ann, ben, cem])
  t.same(Object.fromEntries(found), {
    [ann]: { sessions: 0, clients: 2, tokens: 2, scopes: ['openid', 'email'] },
    [ben]: { sessions: 0, clients: 0, tokens: 1, scopes: [] },
    [cem]: { sessions: 0, clients: 0, tokens: 0, scopes: [] }
  })
  t.same([...(await holdings([]))], [], 'nobody is no mistake')
})
