import { setTimeout as tick } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { GatewayError } from '#shared/errors.ts'
import { asUserId } from '#shared/ids.ts'
import { createAccounts } from '../../../gateway/accounts/accounts.ts'
import { createGoogleGrants } from '../../../gateway/accounts/google-grants.ts'
import type { GoogleAccess } from '../../../gateway/accounts/google-oidc.ts'
import { createKeyring, rotateKeyring } from '../../../gateway/accounts/keyring.ts'
import { createPersonalTokens } from '../../../gateway/accounts/personal-tokens.ts'
import { createTokenBroker } from '../../../gateway/accounts/token-broker.ts'
import { createVault } from '../../../gateway/accounts/vault.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { newStore, onEach } from '../../helpers/store-engines.ts'
import { becomes } from '../../helpers/until.ts'

const ada = asUserId('100000000000000000001')
const ben = asUserId('100000000000000000002')
const MINUTE = 60_000

/** Google's token endpoint as a list of what it will say, and of what it was asked. */
class FakeTokenEndpoint {
  readonly refreshed: string[] = []
  readonly revoked: string[] = []
  answer: (token: string) => Promise<GoogleAccess | 'refused'> | GoogleAccess | 'refused'
  reachable = true

  constructor(clock: FakeClock) {
    this.answer = () => ({
      accessToken: `access-${this.refreshed.length}`,
      expiresAt: clock.now() + 60 * MINUTE,
      scopes: undefined,
      refreshToken: undefined
    })
  }

  async refresh(token: string) {
    this.refreshed.push(token)
    await tick(1)
    if (!this.reachable) throw new GatewayError('ERR_UPSTREAM', 'away')
    return this.answer(token)
  }

  async revoke(token: string) {
    if (!this.reachable) throw new GatewayError('ERR_UPSTREAM', 'away')
    this.revoked.push(token)
  }
}

const build = async (t: Test, keyring = createKeyring()) => {
  const store = await newStore(t)
  const clock = new FakeClock(1_800_000_000_000)
  const google = new FakeTokenEndpoint(clock)
  const vault = createVault(keyring)
  const grants = createGoogleGrants({ store, vault, clock })
  const accounts = createAccounts({ store, grants, google, clock })
  const ended: string[] = []
  const refreshes: string[] = []
  const broker = createTokenBroker({
    grants,
    accounts,
    google,
    clock,
    onNeedsReauth: (userId) => ended.push(userId),
    onRefresh: (result) => refreshes.push(result)
  })
  const signIn = async (userId = ada, refreshToken = '1//refresh') => {
    await accounts.admit({ userId, email: 'a@example.com', emailVerified: true, hd: undefined })
    await grants.put(userId, refreshToken, ['scope.a', 'scope.b'])
  }
  const personal = createPersonalTokens({ store, clock })
  return {
    store,
    clock,
    google,
    vault,
    grants,
    accounts,
    broker,
    ended,
    refreshes,
    signIn,
    personal
  }
}

t.test('vault: what is sealed opens for its user and use only', async (t) => {
  const keyring = createKeyring()
  const vault = createVault(keyring)
  const { sealed, kid } = await vault.seal(ada, 'google-refresh-token', '1//secret')
  t.equal(kid, keyring.vault.current)
  t.notMatch(sealed, /secret/)
  t.equal(await vault.open(ada, 'google-refresh-token', sealed), '1//secret')
  await t.rejects(vault.open(ben, 'google-refresh-token', sealed), { code: 'ERR_VAULT' })
  const [header, ...rest] = sealed.split('.')
  const forged = Buffer.from(
    Buffer.from(String(header), 'base64url').toString().replace(ada, ben)
  ).toString('base64url')
  await t.rejects(vault.open(ben, 'google-refresh-token', [forged, ...rest].join('.')), {
    code: 'ERR_VAULT'
  })
  await t.rejects(vault.open(ada, 'google-refresh-token', `${sealed.slice(0, -3)}AAA`), {
    code: 'ERR_VAULT'
  })
  const direct = Buffer.from(
    JSON.stringify({ alg: 'dir', enc: 'A256GCM', kid, sub: ada, use: 'google-refresh-token' })
  ).toString('base64url')
  await t.rejects(
    vault.open(ada, 'google-refresh-token', [direct, '', ...rest.slice(1)].join('.')),
    {
      code: 'ERR_VAULT'
    }
  )
  await t.rejects(createVault(createKeyring()).open(ada, 'google-refresh-token', sealed), {
    code: 'ERR_VAULT',
    message: /not at hand/
  })
})

onEach('vault: after a rotation old grants open, and resealing moves them once', async (t) => {
  const keyring = createKeyring()
  const { store, clock, signIn } = await build(t, keyring)
  await signIn(ada, '1//one')
  await signIn(ben, '1//two')
  const vault = createVault(rotateKeyring(keyring))
  const grants = createGoogleGrants({ store, vault, clock })
  t.match(await grants.find(ada), { refreshToken: '1//one', scopes: ['scope.a', 'scope.b'] })
  t.equal(await grants.reseal(), 2)
  t.equal(await grants.reseal(), 0)
  const lost = createGoogleGrants({ store, vault: createVault(createKeyring()), clock })
  t.equal(await lost.reseal(), 0, 'what cannot be opened stays as it is')
  t.match(await grants.find(ben), { refreshToken: '1//two' })
  const rows = await store.db.selectFrom('google_grants').select(['kid', 'sealed']).execute()
  t.ok(rows.every(({ kid }) => kid === vault.currentKid))
  await store.db
    .updateTable('google_grants')
    .set({ sealed: rows[0]?.sealed ?? '' })
    .where('user_id', '=', ben)
    .execute()
  await t.rejects(grants.find(ben), { code: 'ERR_VAULT' }, 'rows cannot be swapped')
})

onEach('broker: a grant whose key is lost is told apart from an outage of Google', async (t) => {
  const { store, broker, refreshes, signIn } = await build(t)
  await signIn(ada)
  const sealedBy = createVault(createKeyring())
  const foreign = await sealedBy.seal(ada, 'google-refresh-token', '1//refresh')
  await store.db.updateTable('google_grants').set(foreign).where('user_id', '=', ada).execute()
  await t.rejects(broker.accessToken(ada), { code: 'ERR_VAULT' })
  t.same(refreshes, ['vault'])
})

onEach(
  'accounts: a second sign-in updates the address; the same address is another account',
  async (t) => {
    const { accounts, clock } = await build(t)
    const profile = { email: 'a@example.com', emailVerified: true, hd: 'example.com' }
    const first = await accounts.admit({ ...profile, userId: ada })
    clock.advance(5)
    const second = await accounts.admit({ ...profile, userId: ada, email: 'new@example.com' })
    t.equal(second.createdAt, first.createdAt)
    t.match(await accounts.find(ada), {
      email: 'new@example.com',
      hd: 'example.com',
      state: 'active'
    })
    await accounts.admit({ ...profile, userId: ben, email: 'new@example.com', hd: undefined })
    t.same(
      (await accounts.list()).map(({ userId }) => userId),
      [ada, ben]
    )
    t.same(
      (await accounts.list({ after: ada })).map(({ userId }) => userId),
      [ben]
    )
    t.same(
      (await accounts.list({ limit: 1 })).map(({ userId }) => userId),
      [ada]
    )
  }
)

onEach(
  'accounts: a blocked account cannot sign in nor get a token until it is unblocked',
  async (t) => {
    const { accounts, broker, signIn } = await build(t)
    await signIn()
    await accounts.block(ada)
    await accounts.block(ada)
    await t.rejects(signIn(), { code: 'ERR_ACCOUNT_BLOCKED' })
    await t.rejects(broker.accessToken(ada), { code: 'ERR_ACCOUNT_BLOCKED' })
    await accounts.unblock(ada)
    t.match(await accounts.find(ada), { state: 'active' })
  }
)

onEach(
  'accounts: erasing revokes at Google and leaves no row, Google reachable or not',
  async (t) => {
    const { store, accounts, google, signIn, personal } = await build(t)
    for (const reachable of [true, false]) {
      await signIn()
      await personal.create({ userId: ada, name: 'n', level: 'gmail.read' })
      const done = { at: 1, action: 'revoke_token', target: 'x', reason: null, request_id: null }
      const actors = ['admin', `user:${ada}`, `user:${ada}0`]
      await store.db
        .insertInto('audit')
        .values(actors.map((actor) => ({ ...done, actor })))
        .execute()
      google.reachable = reachable
      t.same(await accounts.erase(ada), { revokedAtGoogle: reachable })
      const kept = await store.db.selectFrom('audit').selectAll().orderBy('id').execute()
      await store.db.deleteFrom('audit').execute()
      t.same(
        kept.map(({ actor }) => actor),
        ['admin', 'user', `user:${ada}0`],
        'what was done is kept, without who'
      )
      for (const table of ['users', 'google_grants', 'personal_tokens', 'oauth'] as const) {
        t.same(await store.db.selectFrom(table).selectAll().execute(), [], table)
      }
    }
    t.same(google.revoked, ['1//refresh'])
    t.same(await accounts.erase(ada), { revokedAtGoogle: true }, 'nothing left to revoke')
  }
)

onEach('broker: callers that come together share one refresh, later ones its token', async (t) => {
  const { broker, google, clock, signIn } = await build(t)
  await signIn()
  await signIn(ben, '1//ben')
  const tokens = await Promise.all(
    Array.from({ length: 100 }, (_, n) => broker.accessToken(n % 2 ? ada : ben))
  )
  t.same(google.refreshed.toSorted(), ['1//ben', '1//refresh'])
  t.equal(new Set(tokens).size, 2)
  t.match(tokens[1], { scopes: ['scope.a', 'scope.b'], expiresAt: clock.now() + 60 * MINUTE })
  clock.advance(58 * MINUTE - 1)
  t.equal(await broker.accessToken(ada), tokens[1])
  clock.advance(1)
  t.not(await broker.accessToken(ada), tokens[1], 'two minutes before the end it is renewed')
})

onEach('broker: a forced refresh happens at most every 10 s', async (t) => {
  const { broker, google, clock, signIn } = await build(t)
  await signIn()
  for (let n = 0; n < 1000; n += 1) await broker.accessToken(ada, { force: true })
  t.equal(google.refreshed.length, 1)
  clock.advance(10_000)
  for (let n = 0; n < 1000; n += 1) await broker.accessToken(ada, { force: true })
  t.equal(google.refreshed.length, 2)
  broker.forget(ada)
  await broker.accessToken(ada)
  t.equal(google.refreshed.length, 3)
})

onEach(
  'broker: a token that Google refuses soon after it gave it is replaced at once',
  async (t) => {
    const { broker, google, clock, signIn } = await build(t)
    await signIn()
    const { accessToken: refused } = await broker.accessToken(ada)
    google.reachable = false
    await t.rejects(broker.accessToken(ada, { force: true }), { code: 'ERR_UPSTREAM' })
    google.reachable = true
    clock.advance(1000)
    const { accessToken } = await broker.accessToken(ada, { force: true })
    t.not(accessToken, refused, 'an attempt that failed does not count')
    t.match(await broker.accessToken(ada, { force: true }), { accessToken })
  }
)

onEach('broker: a token that Google rotated replaces the stored one', async (t) => {
  const { broker, google, grants, clock, signIn } = await build(t)
  await signIn()
  google.answer = () => ({
    accessToken: 'a',
    expiresAt: clock.now() + 60 * MINUTE,
    scopes: ['scope.a'],
    refreshToken: '1//rotated'
  })
  t.match(await broker.accessToken(ada), { accessToken: 'a', scopes: ['scope.a'] })
  t.match(await grants.find(ada), { refreshToken: '1//rotated' })
})

onEach(
  'broker: a dead grant ends once, and OAuth tokens of that account end with it',
  async (t) => {
    const { store, broker, google, grants, accounts, ended, refreshes, signIn } = await build(t)
    await signIn()
    await store.db
      .insertInto('oauth')
      .values({
        model: 'AccessToken',
        id: 'h',
        payload: '{}',
        grant_id: 'g',
        uid: null,
        user_id: ada,
        client_id: 'c',
        created_at: 1,
        consumed_at: null,
        expires_at: null
      })
      .execute()
    google.answer = () => 'refused'
    const results = await Promise.allSettled([broker.accessToken(ada), broker.accessToken(ada)])
    t.match(results, [
      { reason: { code: 'ERR_NEEDS_REAUTH' } },
      { reason: { code: 'ERR_NEEDS_REAUTH' } }
    ])
    await t.rejects(broker.accessToken(ada), { code: 'ERR_NEEDS_REAUTH', statusCode: 401 })
    t.same(ended, [ada])
    t.equal(refreshes[0], 'needs_reauth')
    t.equal(google.refreshed.length, 1, 'a dead token is not tried again')
    t.match(await accounts.find(ada), { state: 'needs_reauth' })
    t.same(await store.db.selectFrom('oauth').selectAll().execute(), [])
    await grants.put(ada, '1//new', ['scope.a'])
    t.match(await accounts.find(ada), { state: 'active' })
  }
)

onEach(
  'broker: an active account whose grant is not there must sign in again, told once',
  async (t) => {
    const { store, broker, accounts, ended, clock, signIn } = await build(t)
    await signIn()
    await store.db.deleteFrom('google_grants').execute()
    await t.rejects(broker.accessToken(ada), { code: 'ERR_NEEDS_REAUTH' })
    clock.advance(MINUTE)
    await t.rejects(broker.accessToken(ada), { code: 'ERR_NEEDS_REAUTH' })
    t.same(ended, [ada])
    t.match(await accounts.find(ada), { state: 'needs_reauth' })
  }
)

onEach('broker: a sign-in during a refused refresh wins', async (t) => {
  const { broker, google, grants, ended, clock, signIn } = await build(t)
  await signIn()
  google.answer = async (token) => {
    if (token === '1//new') {
      return {
        accessToken: 'new',
        expiresAt: clock.now() + MINUTE,
        scopes: [],
        refreshToken: undefined
      }
    }
    await grants.put(ada, '1//new', ['scope.a'])
    return 'refused'
  }
  t.match(await broker.accessToken(ada), { accessToken: 'new' })
  t.same(ended, [])
})

onEach('broker: while Google is away it fails typed, rests a second, and recovers', async (t) => {
  const { broker, google, ended, refreshes, clock, signIn } = await build(t)
  await signIn()
  google.reachable = false
  await t.rejects(broker.accessToken(ada), { code: 'ERR_UPSTREAM' })
  await t.rejects(broker.accessToken(ada), { code: 'ERR_UPSTREAM' })
  t.equal(google.refreshed.length, 1)
  clock.advance(1000)
  google.reachable = true
  await broker.accessToken(ada)
  t.same(ended, [])
  t.same(refreshes, ['upstream', 'ok'])
})

onEach('personal tokens: made, used, listed, revoked, expired', async (t) => {
  const { store, clock, personal, signIn } = await build(t)
  await signIn()
  const { token, record } = await personal.create({
    userId: ada,
    name: 'laptop',
    level: 'gmail.read'
  })
  t.match(token, /^mcp_token_[A-Za-z0-9_-]{43}$/)
  t.equal(record.expiresAt - record.createdAt, 24 * 60 * MINUTE)
  t.match(await personal.verify(token), { userId: ada, level: 'gmail.read', name: 'laptop' })
  const noted = clock.now()
  // The note is written while the call goes on.
  const used = await becomes(
    () => personal.list(ada),
    ([one]) => one?.lastUsedAt !== undefined
  )
  t.match(used, [{ lastUsedAt: noted }])
  clock.advance(MINUTE - 1)
  await personal.verify(token)
  t.match(await personal.list(ada), [{ lastUsedAt: noted }])
  for (const wrong of [
    '',
    'mcp_token_',
    `${token}x`,
    token.slice(0, -1),
    token.toUpperCase(),
    record.id
  ]) {
    t.equal(await personal.verify(wrong), undefined)
  }
  t.notMatch(
    JSON.stringify(await store.db.selectFrom('personal_tokens').selectAll().execute()),
    token
  )
  t.equal(await personal.revoke(ben, record.id), false)
  t.ok(await personal.verify(token))
  t.equal(await personal.revoke(ada, record.id), true)
  t.equal(await personal.verify(token), undefined)

  const short = await personal.create({ userId: ada, name: 's', level: 'gmail.full', ttl: 1000 })
  clock.advance(999)
  t.ok(await personal.verify(short.token))
  clock.advance(1)
  t.equal(await personal.verify(short.token), undefined)
  t.same(await personal.list(ada), [])
  t.equal(await personal.sweep(), 1)
})
