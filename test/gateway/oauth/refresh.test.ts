import {
  CLIENT_LIFE,
  makeRoomForClient,
  REQUEST_LIFE
} from '../../../gateway/oauth/client-retention.ts'
import { Browser } from '../../helpers/browser.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import {
  authorize,
  OAuthClient,
  openConsent,
  openSignInLab,
  post,
  signInClient
} from '../../helpers/sign-in.ts'
import { onEach } from '../../helpers/store-engines.ts'

const GRACE_MS = 30_000

const lab = async (...[test]: Parameters<typeof openSignInLab>) => {
  const clock = new FakeClock(Date.now())
  const opened = await openSignInLab(test, { clock, refreshGraceMs: GRACE_MS })
  const client = await OAuthClient.register(opened.publicUrl)
  return { ...opened, clock, client, tokens: await signInClient(new Browser(), client) }
}

// OAuth 2.1 draft §4.3.1 and RFC 9700 §4.14.2: rotation finds replay. A client whose answer was lost, or with two
// windows, sends the token that it has; only what cannot be told apart from theft may end the family.

onEach('two windows that refresh at the same moment both go on', async (t) => {
  const { client, tokens, bearer } = await lab(t)
  const answers = await Promise.all([1, 2, 3].map(() => client.refresh(tokens.refresh_token)))
  for (const answer of answers) {
    t.equal(answer.status, 200)
    t.ok(await bearer.verify(answer.access_token))
    t.equal((await client.refresh(answer.refresh_token)).status, 200)
  }
})

onEach('a client that never heard the answer asks again within the window', async (t) => {
  const { client, clock, tokens, bearer } = await lab(t)
  await client.refresh(tokens.refresh_token)
  clock.advance(GRACE_MS - 1)
  const again = await client.refresh(tokens.refresh_token)
  t.equal(again.status, 200)
  t.ok(await bearer.verify(again.access_token))
  t.equal((await client.refresh(again.refresh_token)).status, 200)
})

onEach(
  'the window does not move on with each use, and reuse after it ends the family',
  async (t) => {
    const { client, clock, tokens, bearer } = await lab(t)
    const first = await client.refresh(tokens.refresh_token)
    clock.advance(GRACE_MS / 2)
    const second = await client.refresh(tokens.refresh_token)
    t.equal(second.status, 200)
    clock.advance(GRACE_MS / 2)
    t.equal((await client.refresh(tokens.refresh_token)).error, 'invalid_grant')
    for (const { access_token, refresh_token } of [tokens, first, second]) {
      t.equal(await bearer.verify(access_token), undefined)
      t.equal((await client.refresh(refresh_token)).error, 'invalid_grant')
    }
  }
)

onEach('a token whose successor was used ends the family within the window too', async (t) => {
  const { client, tokens, bearer } = await lab(t)
  const second = await client.refresh(tokens.refresh_token)
  const third = await client.refresh(second.refresh_token)
  t.equal(third.status, 200)
  t.equal((await client.refresh(tokens.refresh_token)).error, 'invalid_grant')
  t.equal(await bearer.verify(third.access_token), undefined)
})

onEach('the window is for the client itself', async (t) => {
  const { client, publicUrl, tokens, bearer } = await lab(t)
  const other = await OAuthClient.register(publicUrl)
  const next = await client.refresh(tokens.refresh_token)
  t.equal((await other.refresh(tokens.refresh_token)).error, 'invalid_grant')
  t.ok(await bearer.verify(next.access_token), 'a stranger with a stale token ends nothing')
})

onEach('revocation ends the family within the window as well', async (t) => {
  const { client, publicUrl, tokens } = await lab(t)
  await client.refresh(tokens.refresh_token)
  // RFC 7009 §2.1: all tokens of the grant are invalidated.
  await fetch(`${publicUrl}/oauth/revoke`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: client.id, token: tokens.refresh_token })
  })
  t.equal((await client.refresh(tokens.refresh_token)).error, 'invalid_grant')
})

onEach('a request for a resource that is not ours spends nothing', async (t) => {
  // RFC 8707 §2.2: invalid_target; RFC 6749 §5.2 has it checked before anything is issued.
  const { client, publicUrl, tokens } = await lab(t)
  for (const resource of [`${publicUrl}/nonesuch`, 'https://other.example/mcp', 'nonsense']) {
    const refused = await client.refresh(tokens.refresh_token, { resource })
    t.match(refused, { status: 400, error: 'invalid_target' })
  }
  const response = await fetch(`${publicUrl}/oauth/token`, {
    method: 'POST',
    headers: { origin: 'https://web.example' },
    body: new URLSearchParams([
      ['resource', `${publicUrl}/mcp`],
      ['resource', 'https://x.example/']
    ])
  })
  t.equal(response.status, 400)
  t.equal(response.headers.get('access-control-allow-origin'), 'https://web.example')
  const answers = await client.refresh(tokens.refresh_token, { resource: `${publicUrl}/mcp` })
  t.equal(answers.status, 200)

  const { url } = await authorize(new Browser(), client)
  const code = url.searchParams.get('code') ?? ''
  t.equal((await client.exchange(code, { resource: 'https://x.example' })).error, 'invalid_target')
  t.equal((await client.exchange(code)).status, 200, 'nor does it spend a code')
})

onEach('the resource may be spelt otherwise at every step', async (t) => {
  const { client, publicUrl, bearer } = await lab(t)
  const resource = `${publicUrl.replace('http', 'HTTP')}/%6Dcp/`
  const { url } = await authorize(new Browser(), client, {}, { resource })
  const tokens = await client.exchange(url.searchParams.get('code') ?? '', { resource })
  t.match(await bearer.verify(tokens.access_token), { level: 'gmail.modify' })
  const next = await client.refresh(tokens.refresh_token, { resource })
  t.match(await bearer.verify(next.access_token), { level: 'gmail.modify' })
})

onEach('the address of the old transport is a door to the same resource', async (t) => {
  const { client, publicUrl, bearer } = await lab(t)
  const resource = `${publicUrl}/sse`
  const { url } = await authorize(new Browser(), client, {}, { resource })
  const tokens = await client.exchange(url.searchParams.get('code') ?? '', { resource })
  t.match(await bearer.verify(tokens.access_token), { level: 'gmail.modify' })
})

onEach('what was opened with a token is live while its client can have others', async (t) => {
  const { client, clock, tokens, bearer, accounts, publicUrl } = await lab(t)
  const caller = await bearer.verify(tokens.access_token)
  if (!caller) throw new Error('the token is good')
  t.ok(await bearer.isLive(caller))
  const next = await client.refresh(tokens.refresh_token)
  clock.advance(620_000)
  t.equal(await bearer.verify(tokens.access_token), undefined)
  t.ok(await bearer.isLive(caller), 'its client has refreshed, or may')
  await accounts.block(caller.userId)
  t.notOk(await bearer.isLive(caller), 'not when an operator blocked the account')
  await accounts.unblock(caller.userId)
  t.ok(await bearer.isLive(caller))
  // RFC 7009 §2.1: with the refresh token all that was issued on the same grant.
  await fetch(`${publicUrl}/oauth/revoke`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: client.id, token: next.refresh_token })
  })
  t.notOk(await bearer.isLive(caller))

  const other = await lab(t)
  const idle = await other.bearer.verify(other.tokens.access_token)
  if (!idle) throw new Error('the token is good')
  other.clock.advance(31 * 24 * 3600_000)
  t.notOk(await other.bearer.isLive(idle), 'nor when the sign-in has had its time')
})

onEach('a client that its person let in is known for a year after its last use', async (t) => {
  const { client, clock, publicUrl, tokens } = await lab(t)
  const stranger = await OAuthClient.register(publicUrl)
  clock.advance(CLIENT_LIFE.unused + 1)
  t.equal((await openConsent(new Browser(), client.authorizeUrl())).response.status, 200)
  const gone = await openConsent(new Browser(), stranger.authorizeUrl())
  t.equal(gone.response.status, 400)
  t.match(gone.text, /must register again/, 'the page says how to get out of it')
  t.match(gone.text, /claude mcp logout/)
  const refused = await stranger.refresh(tokens.refresh_token)
  t.match(refused, { status: 401, error: 'invalid_client' }, 'RFC 6749 §5.2; clients register anew')

  await client.refresh(tokens.refresh_token)
  clock.advance(CLIENT_LIFE.used - 1000)
  t.equal((await openConsent(new Browser(), client.authorizeUrl())).response.status, 200)
  clock.advance(1001)
  t.equal((await openConsent(new Browser(), client.authorizeUrl())).response.status, 400)
})

onEach('registrations that nobody uses are bounded in all', async (t) => {
  const { client, clock, publicUrl, store } = await lab(t)
  const now = clock.now()
  const row = (id: number, createdAt: number) => ({
    model: 'Client',
    id: `flood-${id}`,
    payload: '{}',
    grant_id: null,
    uid: null,
    user_id: null,
    client_id: null,
    consumed_at: null,
    created_at: createdAt,
    expires_at: createdAt + CLIENT_LIFE.unused
  })
  for (let from = 0; from < CLIENT_LIFE.mostUnused; from += 500) {
    const rows = Array.from({ length: 500 }, (_, i) =>
      row(from + i, now - CLIENT_LIFE.mostUnused + from + i)
    )
    await store.db.insertInto('oauth').values(rows).execute()
  }
  const tooMany = await post(`${publicUrl}/oauth/register`, {
    redirect_uris: ['http://127.0.0.1/cb']
  })
  t.equal(tooMany.status, 503, 'those that have just come are safe')
  t.match(await tooMany.json(), { error: 'temporarily_unavailable' })
  clock.advance(CLIENT_LIFE.safe - CLIENT_LIFE.mostUnused + 10)
  await makeRoomForClient(store.db, clock.now())
  const left = await store.db
    .selectFrom('oauth')
    .select('id')
    .where('model', '=', 'Client')
    .execute()
  const ids = new Set(left.map(({ id }) => id))
  t.notOk(ids.has('flood-0'), 'the oldest goes first')
  t.ok(ids.has('flood-1'))
  t.ok(ids.has(client.id), 'one that somebody let in never goes')
})

onEach('authorization requests that nobody decides are bounded in all', async (t) => {
  const { client, clock, store } = await lab(t)
  const now = clock.now()
  const waiting = new Browser()
  const consent = await openConsent(waiting, client.authorizeUrl())
  t.equal(consent.response.status, 200)
  for (let from = 0; from < REQUEST_LIFE.most - 1; from += 500) {
    const rows = Array.from({ length: Math.min(500, REQUEST_LIFE.most - 1 - from) }, (_, i) => ({
      ...{ model: 'Interaction', id: `flood-${from + i}`, payload: '{}', grant_id: null },
      ...{ uid: null, user_id: null, client_id: null, consumed_at: null },
      created_at: now + 1,
      expires_at: now + 3_600_000
    }))
    await store.db.insertInto('oauth').values(rows).execute()
  }
  const { url } = await new Browser().follow(client.authorizeUrl(), client.isMine)
  t.equal(url.searchParams.get('error'), 'temporarily_unavailable', 'young ones are safe')
  const same = await waiting.follow(consent.url)
  t.equal(same.response.status, 200, 'who was there before goes on')
  clock.advance(REQUEST_LIFE.safe + 2)
  const late = await openConsent(new Browser(), client.authorizeUrl())
  t.equal(late.response.status, 200, 'the oldest make room')
})
