import { randomBytes } from 'node:crypto'
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import * as oidc from 'openid-client'
import t from 'tap'
import * as z from 'zod'
import { type Sandbox, startSandbox } from '../../../ops/sandbox/sandbox.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { consentAtSandbox } from '../../helpers/sandbox-consent.ts'

const MODIFY = 'https://www.googleapis.com/auth/gmail.modify'
const SETTINGS = 'https://www.googleapis.com/auth/gmail.settings.basic'
const REDIRECT = 'http://127.0.0.1:9/callback'

const Answer = z.looseObject({
  error: z.string().optional(),
  scope: z.string().default(''),
  refresh_token: z.string().optional(),
  id_token: z.string().default('')
})

const start = async (options: Parameters<typeof startSandbox>[0] = {}) => {
  const sandbox = await startSandbox(options)
  t.teardown(() => sandbox.close())
  return sandbox
}

const discover = ({ url, clientId, clientSecret }: Sandbox) =>
  oidc.discovery(new URL(url), clientId, clientSecret, undefined, {
    execute: [oidc.allowInsecureRequests]
  })

const authorizationUrl = ({ url, clientId }: Sandbox, more: Record<string, string> = {}) =>
  `${url}/o/oauth2/v2/auth?${new URLSearchParams({
    client_id: clientId,
    redirect_uri: REDIRECT,
    response_type: 'code',
    scope: `openid email ${MODIFY}`,
    access_type: 'offline',
    ...more
  })}`

const post = async (url: string, form: Record<string, string>, authorization?: string) => {
  const response = await fetch(url, {
    method: 'POST',
    body: new URLSearchParams(form),
    headers: authorization ? { authorization } : {}
  })
  return { status: response.status, body: Answer.parse(await response.json()) }
}

const exchange = (sandbox: Sandbox, code: string, more: Record<string, string> = {}) =>
  post(`${sandbox.url}/token`, {
    grant_type: 'authorization_code',
    client_id: sandbox.clientId,
    client_secret: sandbox.clientSecret,
    code,
    redirect_uri: REDIRECT,
    ...more
  })

const refresh = (sandbox: Sandbox, refreshToken: string) =>
  post(`${sandbox.url}/token`, {
    grant_type: 'refresh_token',
    client_id: sandbox.clientId,
    client_secret: sandbox.clientSecret,
    refresh_token: refreshToken
  })

const codeFor = async (sandbox: Sandbox, account: string, more: Record<string, string> = {}) => {
  const back = new URL(await consentAtSandbox(authorizationUrl(sandbox, more), { account }))
  return back.searchParams.get('code') ?? ''
}

t.test('an independent client signs in with PKCE, refreshes and revokes', async (t) => {
  const sandbox = await start({ users: [{ email: 'ana@corp.example', hd: 'corp.example' }] })
  const [ana] = sandbox.users
  const config = await discover(sandbox)
  const verifier = oidc.randomPKCECodeVerifier()
  const [state, nonce] = [oidc.randomState(), oidc.randomNonce()]
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: REDIRECT,
    scope: `openid email profile ${MODIFY}`,
    state,
    nonce,
    access_type: 'offline',
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256'
  })
  const back = await consentAtSandbox(url.href, { account: 'ana@corp.example' })
  const tokens = await oidc.authorizationCodeGrant(config, new URL(back), {
    pkceCodeVerifier: verifier,
    expectedState: state,
    expectedNonce: nonce,
    idTokenExpected: true
  })
  t.match(tokens.access_token, /^ya29\./)
  t.match(tokens.refresh_token, /^1\/\/0/)
  t.match(tokens.scope, MODIFY)
  const { payload, protectedHeader } = await jwtVerify(
    tokens.id_token ?? '',
    createRemoteJWKSet(new URL(`${sandbox.url}/oauth2/v3/certs`)),
    { issuer: sandbox.url, audience: sandbox.clientId }
  )
  t.equal(protectedHeader.alg, 'RS256')
  t.match(payload, {
    sub: ana?.sub,
    azp: sandbox.clientId,
    email: 'ana@corp.example',
    email_verified: true,
    hd: 'corp.example',
    at_hash: String,
    nonce
  })
  t.match(ana?.sub, /^1\d{20}$/)
  const facts = await oidc.fetchUserInfo(config, tokens.access_token, payload.sub ?? '')
  t.equal(facts.email, 'ana@corp.example')
  const again = await oidc.refreshTokenGrant(config, tokens.refresh_token ?? '')
  t.not(again.access_token, tokens.access_token)
  t.equal(again.refresh_token, undefined, 'Google does not rotate refresh tokens')
  await oidc.tokenRevocation(config, again.access_token)
  t.match(await refresh(sandbox, tokens.refresh_token ?? ''), {
    status: 400,
    body: { error: 'invalid_grant', error_description: 'Token has been expired or revoked.' }
  })
  await t.rejects(oidc.fetchUserInfo(config, tokens.access_token, payload.sub ?? ''))
})

t.test('a person may grant less than was asked, or nothing', async (t) => {
  const sandbox = await start()
  const account = sandbox.users[0]?.email ?? ''
  const url = authorizationUrl(sandbox, {
    scope: `openid email ${MODIFY} ${SETTINGS}`,
    state: 's1'
  })
  const back = new URL(await consentAtSandbox(url, { account, scopes: [SETTINGS] }))
  t.equal(back.searchParams.get('state'), 's1')
  const { body } = await exchange(sandbox, back.searchParams.get('code') ?? '')
  t.same(body.scope.split(' ').sort(), [
    'https://www.googleapis.com/auth/gmail.settings.basic',
    'https://www.googleapis.com/auth/userinfo.email',
    'openid'
  ])
  const denied = new URL(await consentAtSandbox(url, { account, decision: 'deny' }))
  t.equal(denied.searchParams.get('error'), 'access_denied')
  t.equal(denied.searchParams.get('code'), null)
  const bare = { method: 'POST', body: new URLSearchParams({ decision: 'deny' }) } as const
  t.equal(
    (await fetch(url, { ...bare, redirect: 'manual' })).status,
    302,
    'no account need be chosen'
  )
})

t.test('include_granted_scopes adds what was granted before', async (t) => {
  const sandbox = await start()
  const account = sandbox.users[0]?.email ?? ''
  await codeFor(sandbox, account)
  const scope = `openid ${SETTINGS}`
  const alone = await exchange(sandbox, await codeFor(sandbox, account, { scope }))
  t.notMatch(alone.body.scope, MODIFY)
  const more = { scope, include_granted_scopes: 'true' }
  const together = await exchange(sandbox, await codeFor(sandbox, account, more))
  t.match(together.body.scope, MODIFY)
})

t.test(
  'a refresh token comes with the first offline consent and with prompt=consent only',
  async (t) => {
    const sandbox = await start()
    const account = sandbox.users[0]?.email ?? ''
    const tokensFor = async (more: Record<string, string>) =>
      (await exchange(sandbox, await codeFor(sandbox, account, more))).body
    t.notOk((await tokensFor({ access_type: 'online' })).refresh_token)
    sandbox.revokeGrants(account)
    t.ok((await tokensFor({})).refresh_token)
    t.notOk((await tokensFor({})).refresh_token)
    t.ok((await tokensFor({ prompt: 'consent' })).refresh_token)
  }
)

t.test('codes work once, for a minute, with their redirect_uri and their verifier', async (t) => {
  const clock = new FakeClock(1_800_000_000_000)
  const sandbox = await start({ clock })
  const account = sandbox.users[0]?.email ?? ''
  const refused = async (code: string, more: Record<string, string>, error: string) => {
    const { status, body } = await exchange(sandbox, code, more)
    t.equal(status, 400)
    t.equal(body.error, error)
  }
  const used = await codeFor(sandbox, account)
  t.equal((await exchange(sandbox, used)).status, 200)
  await refused(used, {}, 'invalid_grant')
  await refused(
    await codeFor(sandbox, account),
    { redirect_uri: 'http://127.0.0.1:9/x' },
    'redirect_uri_mismatch'
  )
  const late = await codeFor(sandbox, account)
  clock.advance(60_000)
  await refused(late, {}, 'invalid_grant')
  const code_challenge = await oidc.calculatePKCECodeChallenge('v'.repeat(43))
  const challenged = () =>
    codeFor(sandbox, account, { code_challenge, code_challenge_method: 'S256' })
  await refused(await challenged(), {}, 'invalid_grant')
  await refused(await challenged(), { code_verifier: 'w'.repeat(43) }, 'invalid_grant')
  t.equal(
    (await exchange(sandbox, await challenged(), { code_verifier: 'v'.repeat(43) })).status,
    200
  )
})

t.test('requests that Google blocks get a page and no redirect', async (t) => {
  const sandbox = await start({ redirectUris: [REDIRECT] })
  const wrong: Record<string, string>[] = [
    { client_id: 'other' },
    { redirect_uri: 'http://127.0.0.1:9/other' },
    { response_type: 'token' },
    { scope: 'https://www.googleapis.com/auth/unheard.of' },
    { scope: '' },
    { code_challenge: 'plain-challenge', code_challenge_method: 'plain' },
    { code_challenge: 'x'.repeat(43) }
  ]
  for (const more of wrong) {
    const page = await fetch(authorizationUrl(sandbox, more), { redirect: 'manual' })
    t.equal(page.status, 400, JSON.stringify(more))
    t.match(await page.text(), 'Access blocked')
  }
  const page = await fetch(authorizationUrl(sandbox, { login_hint: sandbox.users[1]?.email ?? '' }))
  t.match(await page.text(), `value="${sandbox.users[1]?.email}" checked`)
  const none = await fetch(authorizationUrl(sandbox, { prompt: 'none' }), { redirect: 'manual' })
  t.match(none.headers.get('location'), 'error=interaction_required')
  const form = { method: 'POST', redirect: 'manual' } as const
  for (const body of [{ decision: 'maybe' }, { decision: 'allow', account: 'nobody@x.example' }]) {
    const answer = await fetch(authorizationUrl(sandbox), {
      ...form,
      body: new URLSearchParams(body)
    })
    t.equal(answer.status, 400)
  }
  const open = await start()
  const evil = await fetch(authorizationUrl(open, { redirect_uri: 'http://evil.example/' }))
  t.equal(evil.status, 400)
})

t.test('the client must prove itself, by either method', async (t) => {
  const sandbox = await start()
  const { clientId, clientSecret, url } = sandbox
  const { refreshToken } = sandbox.issueGrant(sandbox.users[0]?.email ?? '', [MODIFY])
  const form = { grant_type: 'refresh_token', refresh_token: refreshToken }
  const basic = (secret: string) =>
    `Basic ${Buffer.from(`${encodeURIComponent(clientId)}:${secret}`).toString('base64')}`
  t.equal((await post(`${url}/token`, form, basic(clientSecret))).status, 200)
  for (const answer of [
    await post(`${url}/token`, form),
    await post(`${url}/token`, form, basic('wrong')),
    await post(`${url}/token`, { ...form, client_id: clientId, client_secret: 'wrong' })
  ]) {
    t.equal(answer.status, 401)
    t.equal(answer.body.error, 'invalid_client')
  }
  const other = { client_id: clientId, client_secret: clientSecret, grant_type: 'password' }
  t.equal((await post(`${url}/token`, other)).body.error, 'unsupported_grant_type')
})

t.test('the oldest of more than 100 refresh tokens dies without a word', async (t) => {
  const sandbox = await start()
  const account = sandbox.users[0]?.email ?? ''
  const tokens = Array.from(
    { length: 101 },
    () => sandbox.issueGrant(account, [MODIFY]).refreshToken
  )
  t.equal((await refresh(sandbox, tokens[0] ?? '')).body.error, 'invalid_grant')
  t.equal((await refresh(sandbox, tokens[1] ?? '')).status, 200)
  t.equal((await refresh(sandbox, tokens[100] ?? '')).status, 200)
})

t.test('tokeninfo knows living tokens only, and revoke unknown ones not at all', async (t) => {
  const clock = new FakeClock(1_800_000_000_000)
  const sandbox = await start({ clock, accessTokenSeconds: 600 })
  const { accessToken } = sandbox.issueGrant(sandbox.users[0]?.email ?? '', [MODIFY])
  const info = () => fetch(`${sandbox.url}/tokeninfo?access_token=${accessToken}`)
  t.match(await (await info()).json(), { aud: sandbox.clientId, scope: MODIFY, expires_in: '600' })
  clock.advance(600_000)
  t.equal((await info()).status, 400)
  const unknown = await post(`${sandbox.url}/revoke`, { token: randomBytes(9).toString('hex') })
  t.match(unknown, { status: 400, body: { error: 'invalid_token' } })
})

t.test('grants, the signing key and mail survive a restart', async (t) => {
  const stateFile = `${t.testdir()}/deep/state.json`
  const users = [{ email: 'ana@one.example', canary: 'quincewort' }, { email: 'ben@one.example' }]
  const before = await startSandbox({ stateFile, users })
  const { refreshToken, accessToken } = before.issueGrant('ana@one.example', [`openid`, MODIFY])
  before.mailbox('ana@one.example').deliver({ from: 'x@y.example', subject: 'Kept' })
  const ids = before.mailbox('ana@one.example').messages.map(({ id }) => id)
  const untouched = before.mailbox('ben@one.example').messages.map(({ id }) => id)
  const keys = await (await fetch(`${before.url}/oauth2/v3/certs`)).text()
  await before.close()
  await before.close()
  const after = await start({ stateFile, users })
  t.same(
    after.mailbox('ana@one.example').messages.map(({ id }) => id),
    ids
  )
  t.same(
    after.mailbox('ben@one.example').messages.map(({ id }) => id),
    untouched
  )
  t.equal(after.mailbox('ana@one.example').drafts.length, 3)
  t.equal(await (await fetch(`${after.url}/oauth2/v3/certs`)).text(), keys)
  const { status, body } = await refresh(after, refreshToken)
  t.equal(status, 200)
  t.equal(decodeJwt(body.id_token).sub, after.users[0]?.sub)
  const info = await fetch(`${after.url}/tokeninfo?access_token=${accessToken}`)
  t.equal(info.status, 200)
})
