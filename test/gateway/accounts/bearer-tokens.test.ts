import type { Test } from 'tap'
import { asUserId } from '#shared/ids.ts'
import type { Access } from '../../../gateway/accounts/access-liveness.ts'
import { createBearerTokens } from '../../../gateway/accounts/bearer-tokens.ts'
import { createDoubtfulAccess } from '../../../gateway/accounts/doubtful-access.ts'
import { createPersonalTokens } from '../../../gateway/accounts/personal-tokens.ts'
import { oidcAdapter } from '../../../gateway/oauth/oidc-adapter.ts'
import { hashedId } from '../../../gateway/store/hashed-id.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { newStore, onEach } from '../../helpers/store-engines.ts'
import { becomes } from '../../helpers/until.ts'

const ada = asUserId('100000000000000000001')
const resource = 'https://mail.example.com/mcp'
const START = 1_800_000_000_000

const build = async (t: Test) => {
  const store = await newStore(t)
  const clock = new FakeClock(START)
  const personalTokens = createPersonalTokens({ store, clock })
  const bearer = createBearerTokens({ store, personalTokens, clock, resource })
  const storage = oidcAdapter({ store, clock, refreshGraceMs: 30_000 })
  await store.db
    .insertInto('users')
    .values({
      id: ada,
      email: 'a@example.com',
      hd: null,
      state: 'active',
      created_at: START,
      last_seen_at: START
    })
    .execute()
  const issue = async (name: string, changes: object = {}) => {
    const token = name.padEnd(43, '0')
    const payload = {
      accountId: ada,
      clientId: 'client-1',
      grantId: 'grant-1',
      aud: resource,
      scope: 'gmail.read gmail.modify',
      exp: START / 1000 + 600,
      jti: token,
      ...changes
    }
    await storage('AccessToken').upsert(token, payload, 600)
    return token
  }
  return { store, clock, personalTokens, bearer, storage, issue }
}

onEach('a live OAuth token tells user, client, highest level and end', async (t) => {
  const { bearer, issue, clock } = await build(t)
  const token = await issue('good')
  t.same(await bearer.verify(token), {
    userId: ada,
    clientId: 'client-1',
    level: 'gmail.modify',
    expiresAt: START / 1000 + 600,
    credential: 'oauth',
    accessId: hashedId(token),
    grantId: 'grant-1'
  })
  clock.advance(600_000)
  t.equal(await bearer.verify(token), undefined)
})

onEach('a visit is noted once a minute', async (t) => {
  const { store, bearer, issue, clock, personalTokens } = await build(t)
  const seen = async () =>
    (await store.db.selectFrom('users').select('last_seen_at').executeTakeFirst())?.last_seen_at
  /** The note is written while the call goes on. */
  const noted = (at: number) => becomes(seen, (found) => found === at)
  const token = await issue('good')
  clock.advance(59_999)
  await bearer.verify(token)
  t.equal(await seen(), START)
  clock.advance(1)
  await bearer.verify(token)
  t.equal(await noted(START + 60_000), START + 60_000)
  clock.advance(60_000)
  const { token: personal } = await personalTokens.create({
    userId: ada,
    name: 'n',
    level: 'gmail.read'
  })
  await bearer.verify(personal)
  t.equal(await noted(START + 120_000), START + 120_000)
})

onEach('a token for another audience, without a level, or of nobody is none', async (t) => {
  const { bearer, issue } = await build(t)
  for (const [name, changes] of Object.entries({
    aud: { aud: 'https://other.example.com/mcp' },
    scope: { scope: 'openid' },
    bare: { scope: undefined },
    nobody: { accountId: 'unknown' }
  })) {
    t.equal(await bearer.verify(await issue(name, changes)), undefined, name)
  }
  for (const wrong of [
    '',
    'x',
    'ya29.a0AfB_google-token-of-somebody',
    'a b'.repeat(20),
    'é'.repeat(43)
  ]) {
    t.equal(await bearer.verify(wrong), undefined)
  }
})

onEach('a refresh token or a code is not an access token', async (t) => {
  const { bearer, storage } = await build(t)
  for (const model of ['RefreshToken', 'AuthorizationCode']) {
    const id = model.padEnd(43, '1')
    await storage(model).upsert(id, { accountId: ada, aud: resource, scope: 'gmail.read' }, 60)
    t.equal(await bearer.verify(id), undefined)
  }
})

onEach('revoking the grant, blocking and erasing count from the next call on', async (t) => {
  const { store, bearer, storage, issue, personalTokens } = await build(t)
  const token = await issue('one')
  const personal = await personalTokens.create({ userId: ada, name: 'n', level: 'gmail.full' })
  t.match(await bearer.verify(personal.token), {
    userId: ada,
    clientId: 'personal-token',
    level: 'gmail.full',
    credential: 'personal',
    expiresAt: START / 1000 + 86_400
  })
  await store.db.updateTable('users').set({ state: 'blocked' }).execute()
  for (const text of [token, personal.token]) {
    await t.rejects(bearer.verify(text), { code: 'ERR_ACCOUNT_BLOCKED', statusCode: 403 })
  }
  await store.db.updateTable('users').set({ state: 'active' }).execute()
  await storage('AccessToken').revokeByGrantId('grant-1')
  t.equal(await bearer.verify(token), undefined)
  await store.db.deleteFrom('users').execute()
  t.equal(await bearer.verify(personal.token), undefined)
})

onEach('the database holds no usable id of what is secret', async (t) => {
  const { store, storage } = await build(t)
  for (const model of [
    'AccessToken',
    'RefreshToken',
    'AuthorizationCode',
    'Session',
    'Interaction'
  ]) {
    const id = `${model}-secret`.padEnd(43, '2')
    await storage(model).upsert(id, { jti: id, accountId: ada, kind: model }, 60)
    t.match(await storage(model).find(id), { jti: id, kind: model })
  }
  const everything = JSON.stringify(await store.db.selectFrom('oauth').selectAll().execute())
  t.notMatch(everything, /secret/)
  const [row] = await store.db.selectFrom('oauth').select(['model', 'id']).execute()
  t.equal(
    await storage(String(row?.model)).find(String(row?.id)),
    undefined,
    'a hash opens nothing'
  )
})

onEach('of two who consume the same code only one may go on', async (t) => {
  const { storage } = await build(t)
  const codes = storage('AuthorizationCode')
  await codes.upsert('code', { grantId: 'g' }, 60)
  const results = await Promise.allSettled([codes.consume('code'), codes.consume('code')])
  t.same(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected']
  )
  t.match(results[1], { reason: { error: 'invalid_grant' } })
  t.match(await codes.find('code'), { consumed: START / 1000 })
})

onEach('what has expired, was destroyed or belongs to a revoked grant is gone', async (t) => {
  const { storage, clock } = await build(t)
  const grants = storage('Grant')
  await grants.upsert('a', { clientId: 'c' }, 60)
  await grants.upsert('for-ever', { clientId: 'c', uid: 'u' })
  clock.advance(60_000)
  t.equal(await grants.find('a'), undefined)
  t.match(await grants.findByUid('u'), { clientId: 'c' })
  await grants.destroy('for-ever')
  t.equal(await grants.find('for-ever'), undefined)
  t.equal(await grants.findByUserCode('x'), undefined)
})

onEach('of many accesses those are found together that may have ended', async (t) => {
  const { store, bearer, issue, clock, personalTokens } = await build(t)
  const doubtful = createDoubtfulAccess({ store, clock })
  t.same(await doubtful([]), [])
  const tokens = await Promise.all(['one', 'two', 'three'].map((name) => issue(name)))
  const personal = await personalTokens.create({ userId: ada, name: 'n', level: 'gmail.read' })
  const [one, two, three, own] = await Promise.all(
    [...tokens, personal.token].map((token) => bearer.verify(token))
  )
  if (!one || !two || !three || !own) throw new Error('all are live')
  const session: Access = { credential: 'session', accessId: '', expiresAt: START }
  const all = [one, two, three, own, session]
  t.same(await doubtful(all), [session], 'of which only the rule itself can tell')
  await store.db.deleteFrom('oauth').where('id', '=', two.accessId).execute()
  t.same(await doubtful(all), [two, session])
  await personalTokens.revoke(ada, own.accessId)
  t.same(await doubtful(all), [two, own, session])
  await store.db.updateTable('users').set({ state: 'blocked' }).execute()
  t.same(await doubtful(all), all)
  await store.db.updateTable('users').set({ state: 'active' }).execute()
  clock.advance(700_000)
  t.same(await doubtful(all), all, 'their time is over')
})
