import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import t from 'tap'
import { GOOGLE_SCOPE } from '#shared/access-levels.ts'
import { asUserId } from '#shared/ids.ts'
import { isAllowed } from '../../../gateway/accounts/allow-list.ts'
import { startSandbox } from '../../../ops/sandbox/sandbox.ts'
import { Browser, formFields } from '../../helpers/browser.ts'
import {
  ADA,
  answerGoogle,
  authorize,
  BEN,
  continueToGoogle,
  OAuthClient,
  openConsent,
  openSignInLab,
  post,
  type SignInLab,
  signInClient,
  storedRows
} from '../../helpers/sign-in.ts'
import { onEach } from '../../helpers/store-engines.ts'

/** Goes as far as Google's redirect back to the gateway, and stops before it is followed. */
async function stopAtCallback(lab: SignInLab, browser: Browser, client: OAuthClient) {
  const consent = await openConsent(browser, client.authorizeUrl())
  const google = await continueToGoogle(browser, consent)
  const callback = (url: URL) => url.href.startsWith(`${lab.publicUrl}/oauth2callback`)
  const { url } = await answerGoogle(browser, google, {}, callback)
  return { consent, google, callback: url }
}

t.test('a second client in the same browser is asked about again', async (t) => {
  const lab = await openSignInLab(t)
  const browser = new Browser()
  await signInClient(browser, await OAuthClient.register(lab.publicUrl))
  const evil = await OAuthClient.register(lab.publicUrl, { client_name: 'Evil' })
  const { url, text } = await openConsent(browser, evil.authorizeUrl())
  t.match(url.pathname, /^\/oauth\/consent\//)
  t.match(text, 'Evil wants to use your Gmail')
  const silent = await browser.follow(evil.authorizeUrl({ prompt: 'none' }), evil.isMine)
  t.match(silent.url.searchParams.get('error'), /_required$/)
})

t.test(
  'a Google address that an attacker captured does nothing in the victim’s browser',
  async (t) => {
    const lab = await openSignInLab(t)
    const attacker = new Browser()
    const victim = new Browser()
    const client = await OAuthClient.register(lab.publicUrl)
    const consent = await openConsent(attacker, client.authorizeUrl())
    const google = await continueToGoogle(attacker, consent)

    for (const pending of [false, true]) {
      if (pending) {
        const own = await openConsent(victim, client.authorizeUrl())
        await continueToGoogle(victim, own)
      }
      const { url, response } = await answerGoogle(victim, google, { email: BEN }, client.isMine)
      t.equal(response.status, 400, pending ? 'with a sign-in of their own pending' : 'without')
      t.equal(url.origin, lab.publicUrl, 'nobody is sent to the client')
      t.match(await response.text(), 'invalid_state')
    }
    t.same(await storedRows(lab), [])
  }
)

t.test('a callback in another browser is refused', async (t) => {
  const lab = await openSignInLab(t)
  const client = await OAuthClient.register(lab.publicUrl)
  const { callback } = await stopAtCallback(lab, new Browser(), client)
  const { response } = await new Browser().follow(callback)
  t.equal(response.status, 400)
  t.same(await storedRows(lab), [])
})

onEach('a callback that was used already is refused', async (t) => {
  const lab = await openSignInLab(t)
  const browser = new Browser()
  const client = await OAuthClient.register(lab.publicUrl)
  const { callback } = await stopAtCallback(lab, browser, client)
  const done = await browser.follow(callback, client.isMine)
  t.ok(done.url.searchParams.get('code'))
  const { response } = await browser.follow(callback, client.isMine)
  t.equal(response.status, 400)
})

t.test('a callback with another state, code or error is refused', async (t) => {
  const lab = await openSignInLab(t)
  const client = await OAuthClient.register(lab.publicUrl)
  const cases: [string, string, number][] = [
    ['state', 'A'.repeat(43), 400],
    ['state', '', 400],
    ['state', 'x"; y', 400],
    ['code', 'not-a-code', 400],
    ['error', 'access_denied', 403]
  ]
  for (const [name, value, status] of cases) {
    const browser = new Browser()
    const { callback } = await stopAtCallback(lab, browser, client)
    callback.searchParams.set(name, value)
    const { response } = await browser.follow(callback, client.isMine)
    t.equal(response.status, status, `${name}=${value}`)
  }
  const browser = new Browser()
  const { callback } = await stopAtCallback(lab, browser, client)
  const state = callback.searchParams.get('state') ?? ''
  callback.searchParams.set('state', `${state.slice(0, 8)}${'B'.repeat(state.length - 8)}`)
  const { response } = await browser.follow(callback, client.isMine)
  t.equal(response.status, 400, 'the cookie’s name is right and the rest of the state is not')
  t.same(await storedRows(lab), [])
})

t.test('the consent of one browser cannot be given from elsewhere', async (t) => {
  const lab = await openSignInLab(t)
  const browser = new Browser()
  const client = await OAuthClient.register(lab.publicUrl)
  const { url, text } = await openConsent(browser, client.authorizeUrl())
  const allow = { ...formFields(text), decision: 'allow' }
  const send = (from: Browser, fields: Record<string, string>, origin: string) =>
    from.fetch(url, { method: 'POST', body: new URLSearchParams(fields), headers: { origin } })

  t.equal((await send(browser, allow, 'https://evil.example')).status, 403, 'foreign page')
  t.equal((await send(browser, allow, 'null')).status, 403, 'sandboxed page')
  t.equal((await send(browser, { ...allow, token: 'x' }, url.origin)).status, 403, 'no token')
  t.equal((await send(new Browser(), allow, url.origin)).status, 400, 'other browser')
  t.equal((await new Browser().fetch(url)).status, 400, 'attacker’s link')
  t.equal((await send(browser, { ...allow, level: 'gmail.everything' }, url.origin)).status, 400)
  t.equal((await send(browser, allow, url.origin)).status, 303, 'its own page')
})

t.test('the consent page cannot be framed, scripted or talked out of its words', async (t) => {
  const lab = await openSignInLab(t)
  const name = '</h1><script>alert(1)</script><b>"Google"'
  const client = await OAuthClient.register(lab.publicUrl, { client_name: name })
  const { response, text } = await openConsent(new Browser(), client.authorizeUrl())
  t.notMatch(text, /<script|<b>/)
  t.match(text, '&#60;script&#62;')
  t.match(
    response.headers.get('content-security-policy'),
    /default-src 'none'.*frame-ancestors 'none'/
  )
  t.equal(response.headers.get('x-frame-options'), 'DENY')
  const cookies = response.headers.getSetCookie()
  t.ok(cookies.every((cookie) => /httponly/i.test(cookie) && /samesite=lax/i.test(cookie)))
})

t.test('only registered redirects are followed, on any port of this computer', async (t) => {
  const lab = await openSignInLab(t)
  const client = await OAuthClient.register(lab.publicUrl)
  const status = async (redirect: string) => {
    const response = await new Browser().fetch(client.authorizeUrl({ redirect_uri: redirect }))
    return response.headers.get('location')?.startsWith('http://127.0.0.1') === true &&
      !response.headers.get('location')?.startsWith(lab.publicUrl)
      ? 'sent away'
      : response.status
  }
  t.equal(await status('http://127.0.0.1:9/callback'), 303)
  for (const evil of [
    'https://evil.example/callback',
    'http://127.0.0.1:33418/other',
    'http://127.0.0.1.evil.example:33418/callback',
    'http://localhost:33418/callback',
    'http://127.0.0.1:33418/callback?x=1',
    'http://user@127.0.0.1:33418/callback'
  ]) {
    t.equal(await status(evil), 400, evil)
  }
})

t.test('without PKCE S256 nothing begins', async (t) => {
  const lab = await openSignInLab(t)
  const client = await OAuthClient.register(lab.publicUrl)
  for (const changes of [
    { code_challenge: undefined, code_challenge_method: undefined },
    { code_challenge_method: 'plain' },
    { code_challenge_method: undefined },
    { response_type: 'token' },
    { resource: 'https://other.example/mcp' },
    { resource: `${lab.publicUrl}/` }
  ]) {
    const { url } = await new Browser().follow(client.authorizeUrl(changes), client.isMine)
    const answer = new URLSearchParams(url.search || url.hash.slice(1))
    const error = answer.get('error') ?? ''
    t.match(
      error,
      /^(invalid_request|invalid_target|unsupported_response_type)$/,
      JSON.stringify(changes)
    )
    t.equal(answer.get('iss'), lab.publicUrl, 'errors name their issuer as well')
  }
})

t.test(
  'a code is good once, for its client, its verifier, its redirect and its resource',
  async (t) => {
    const lab = await openSignInLab(t)
    const client = await OAuthClient.register(lab.publicUrl)
    const other = await OAuthClient.register(lab.publicUrl)
    const codeOf = async () =>
      (await authorize(new Browser(), client)).url.searchParams.get('code') ?? ''
    const stolen = await codeOf()
    t.equal(
      (await other.exchange(stolen, { code_verifier: client.verifier })).error,
      'invalid_grant'
    )
    for (const changes of [
      { code_verifier: 'x'.repeat(43) },
      { redirect_uri: 'http://127.0.0.1:1/callback' },
      { resource: 'https://other.example/mcp' }
    ]) {
      const answer = await client.exchange(await codeOf(), changes)
      t.match(answer.error, /^invalid_(grant|target)$/, JSON.stringify(changes))
    }
    const code = await codeOf()
    const tokens = await client.exchange(code)
    t.equal(tokens.status, 200)
    t.equal((await client.exchange(code)).error, 'invalid_grant')
    t.equal(
      await lab.bearer.verify(tokens.access_token),
      undefined,
      'a replay ends the whole grant'
    )
    t.equal((await client.refresh(tokens.refresh_token)).error, 'invalid_grant')

    const raced = await codeOf()
    const answers = await Promise.all([client.exchange(raced), client.exchange(raced)])
    t.equal(answers.filter(({ status }) => status === 200).length <= 1, true, 'never twice')
  }
)

onEach('a refresh token that was used before ends its family', async (t) => {
  const lab = await openSignInLab(t, { refreshGraceMs: 0 })
  const client = await OAuthClient.register(lab.publicUrl)
  const first = await signInClient(new Browser(), client)
  const second = await client.refresh(first.refresh_token)
  t.ok(await lab.bearer.verify(second.access_token))
  t.equal((await client.refresh(first.refresh_token)).error, 'invalid_grant')
  for (const token of [first.access_token, second.access_token]) {
    t.equal(await lab.bearer.verify(token), undefined)
  }
  t.equal((await client.refresh(second.refresh_token)).error, 'invalid_grant')
  const stranger = await OAuthClient.register(lab.publicUrl)
  const third = await signInClient(new Browser(), client)
  t.equal((await stranger.refresh(third.refresh_token)).error, 'invalid_grant')
})

t.test('a token of Google, or of nobody, is none of ours', async (t) => {
  const lab = await openSignInLab(t)
  await signInClient(new Browser(), await OAuthClient.register(lab.publicUrl))
  const { accessToken, refreshToken } = lab.google.issueGrant(ADA, [GOOGLE_SCOPE.full])
  for (const token of [
    accessToken,
    refreshToken,
    createHash('sha256').update('x').digest('base64url')
  ]) {
    t.equal(await lab.bearer.verify(token), undefined)
  }
})

t.test('a registration that is not safe is refused', async (t) => {
  const { publicUrl } = await openSignInLab(t)
  const good = { redirect_uris: ['https://app.example/callback'] }
  for (const body of [
    {},
    { redirect_uris: [] },
    { redirect_uris: ['http://app.example/callback'] },
    { redirect_uris: ['https://localhost/callback'] },
    { redirect_uris: ['javascript:alert(1)'] },
    { redirect_uris: ['data:text/html,x'] },
    { redirect_uris: ['https://app.example/callback#x'] },
    { ...good, token_endpoint_auth_method: 'private_key_jwt' },
    [good]
  ]) {
    const response = await post(`${publicUrl}/oauth/register`, body)
    t.equal(response.status, 400, JSON.stringify(body))
  }
})

t.test('a metadata document that points inwards is never fetched', async (t) => {
  const lab = await openSignInLab(t, {
    limits: { register: 100, authorize: 1000, token: 1000, page: 1000 }
  })
  let connections = 0
  const inside = createServer((socket) => {
    connections += 1
    socket.destroy()
  })
  await once(inside.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => inside.close())
  const { port } = inside.address() as AddressInfo
  for (const id of [
    `https://localhost:${port}/client.json`,
    `https://127.0.0.1:${port}/client.json`,
    'https://localhost/client.json',
    'https://127.0.0.1/client.json',
    'https://[::ffff:127.0.0.1]/client.json',
    'https://2130706433/client.json'
  ]) {
    const client = new OAuthClient(lab.publicUrl, id, 'https://app.example/callback')
    const response = await new Browser().fetch(client.authorizeUrl())
    t.equal(response.status, 400, id)
    t.equal(response.headers.get('location'), null, id)
  }
  t.equal(connections, 0)
})

t.test('a metadata document must speak for its own address', async (t) => {
  const url = 'https://app.example/client.json'
  const lab = await openSignInLab(t, {
    fetchClientMetadata: async () =>
      Response.json({
        client_id: 'https://other.example/client.json',
        redirect_uris: ['https://app.example/cb']
      })
  })
  const client = new OAuthClient(lab.publicUrl, url, 'https://app.example/cb')
  t.equal((await new Browser().fetch(client.authorizeUrl())).status, 400)
})

t.test('whoever declines at Google reads why, and nothing is stored', async (t) => {
  const lab = await openSignInLab(t)
  const browser = new Browser()
  const client = await OAuthClient.register(lab.publicUrl)
  const { url, response } = await authorize(browser, client, { atGoogle: 'deny' })
  t.equal(response.status, 403)
  const text = await response.text()
  t.match(text, 'You did not allow access at Google')
  t.same(await storedRows(lab), [])
  const back = await browser.submit(
    String(/action="([^"]*)"/.exec(text)?.[1]),
    { ...formFields(text), decision: 'deny' },
    url,
    client.isMine
  )
  t.equal(back.url.searchParams.get('error'), 'access_denied')
  t.equal(back.url.searchParams.get('iss'), lab.publicUrl)
})

t.test('whoever declines on our page never sees Google', async (t) => {
  const lab = await openSignInLab(t)
  const browser = new Browser()
  const client = await OAuthClient.register(lab.publicUrl)
  const { url, text } = await openConsent(browser, client.authorizeUrl())
  const fields = { ...formFields(text), decision: 'deny' }
  const back = await browser.submit(url, fields, url, client.isMine)
  t.equal(back.url.searchParams.get('error'), 'access_denied')
  t.equal(back.url.searchParams.get('state'), client.state)
  t.equal((await browser.fetch(url)).status, 400, 'and the question is closed')
  t.same(await storedRows(lab), [])
})

t.test('whoever unticks mail at Google reads why, and can try again', async (t) => {
  const lab = await openSignInLab(t)
  const browser = new Browser()
  const client = await OAuthClient.register(lab.publicUrl)
  const { url, response } = await authorize(browser, client, { ticked: [] })
  const text = await response.text()
  t.equal(response.status, 403)
  t.match(text, 'Google gave no access to your mail')
  t.same(await storedRows(lab), [])
  const retry = String(/class="button" href="([^"]*)"/.exec(text)?.[1])
  const consent = await openConsent(browser, new URL(retry, url))
  const google = await continueToGoogle(browser, consent)
  const done = await answerGoogle(browser, google, {}, client.isMine)
  t.ok(done.url.searchParams.get('code'))
})

t.test('an account that the operator did not allow reads why, and nothing is stored', async (t) => {
  const lab = await openSignInLab(t, {
    sandbox: {
      users: [
        { email: ADA, empty: true, hd: 'sandbox.example' },
        { email: BEN, empty: true },
        { email: 'eve@sandbox.example', empty: true, hd: 'sandbox.example', emailVerified: false }
      ]
    },
    allowed: (profile) => isAllowed({ emails: [], domains: ['sandbox.example'] }, profile)
  })
  const client = await OAuthClient.register(lab.publicUrl)
  const outsider = await authorize(new Browser(), client, { email: BEN })
  t.equal(outsider.response.status, 403)
  t.match(await outsider.response.text(), 'This account may not use this gateway')
  const unverified = await authorize(new Browser(), client, { email: 'eve@sandbox.example' })
  t.equal(unverified.response.status, 403)
  t.match(await unverified.response.text(), 'Google has not verified this address')
  t.same(await storedRows(lab), [])
  t.equal((await signInClient(new Browser(), client, { email: ADA })).status, 200)
})

onEach('a blocked or removed person is out at once and cannot sign in while blocked', async (t) => {
  const lab = await openSignInLab(t)
  const ada = asUserId(lab.idOf(ADA))
  const client = await OAuthClient.register(lab.publicUrl)
  const tokens = await signInClient(new Browser(), client)
  const own = new Browser()
  const consent = await openConsent(own, new URL(`${lab.publicUrl}/account`))
  const google = await own.submit('/account/sign-in', formFields(consent.text), consent.url)
  const at = { url: google.url, text: await google.response.text() }
  const account = await answerGoogle(own, at, {}, () => false)
  const form = { ...formFields(await account.response.text()), confirm: 'yes' }
  await lab.accounts.block(ada)
  const erased = await own.submit('/account/erase', form, account.url)
  t.equal(erased.response.status, 403, 'who is blocked cannot erase the block')
  t.match(await lab.accounts.find(ada), { state: 'blocked' })
  await t.rejects(lab.bearer.verify(tokens.access_token), { code: 'ERR_ACCOUNT_BLOCKED' })
  t.equal((await client.refresh(tokens.refresh_token)).error, 'invalid_grant')
  const refused = await authorize(new Browser(), client)
  t.equal(refused.response.status, 403)
  t.match(await refused.response.text(), 'This account is blocked')

  await lab.accounts.unblock(ada)
  const back = await signInClient(new Browser(), client)
  const grant = await lab.grants.find(ada)
  const stored = JSON.stringify(
    await lab.store.db.selectFrom('google_grants').selectAll().execute()
  )
  t.ok(grant && !stored.includes(grant.refreshToken), 'Google’s token is sealed')
  t.same(await lab.accounts.erase(ada), { revokedAtGoogle: true })
  lab.broker.forget(ada)
  t.equal(await lab.bearer.verify(back.access_token), undefined)
  t.equal((await client.refresh(back.refresh_token)).error, 'invalid_grant')
  t.same(await storedRows(lab), [])
  await t.rejects(lab.broker.accessToken(ada), { code: 'ERR_NEEDS_REAUTH' })
  const dead = await fetch(`${lab.google.url}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: grant?.refreshToken ?? '',
      client_id: lab.google.clientId,
      client_secret: lab.google.clientSecret
    })
  })
  t.match(await dead.json(), { error: 'invalid_grant' }, 'Google was told')
})

t.test(
  'while Google is away people read so, and the sign-in goes on when it is back',
  async (t) => {
    const before = await startSandbox()
    await before.close()
    const lab = await openSignInLab(t, { issuer: before.url })
    const browser = new Browser()
    const client = await OAuthClient.register(lab.publicUrl)
    const consent = await openConsent(browser, client.authorizeUrl())
    t.equal(consent.response.status, 200, 'our own page needs no Google')
    const refused = await continueToGoogle(browser, consent)
    t.equal(refused.response.status, 503)
    t.match(refused.text, 'Google cannot be reached')
    t.ok(Number(refused.response.headers.get('retry-after')) > 0)

    const back = await startSandbox({
      port: Number(new URL(before.url).port),
      users: [{ email: ADA, empty: true }]
    })
    t.teardown(() => back.close())
    const google = await continueToGoogle(browser, consent)
    const done = await answerGoogle(browser, google, {}, client.isMine)
    t.equal((await client.exchange(done.url.searchParams.get('code') ?? '')).status, 200)
  }
)

t.test('errors before the person was asked lead nowhere but to a program here', async (t) => {
  // RFC 9700 §4.11.2: the authorization server must not be an open redirector for clients that anybody may register.
  const lab = await openSignInLab(t)
  for (const redirect of ['https://evil.example/phish', 'cursor://evil.example/phish']) {
    const client = await OAuthClient.register(lab.publicUrl, {}, redirect)
    for (const changes of [
      { prompt: 'none' },
      { code_challenge: undefined, code_challenge_method: undefined },
      { code_challenge_method: 'plain' },
      { resource: 'https://x.example' },
      { response_type: 'token' },
      { response_mode: 'form_post' },
      { response_mode: 'fragment' },
      { request: 'e30.e30.' },
      { scope: 'a"b' }
    ]) {
      const { url, response } = await new Browser().follow(
        client.authorizeUrl(changes),
        client.isMine
      )
      t.equal(url.origin, lab.publicUrl, JSON.stringify(changes))
      t.equal(response.status >= 400 && response.status < 500, true, JSON.stringify(changes))
      t.match(await response.text(), /<h1>This sign-in cannot go on/)
    }
    const consent = await openConsent(new Browser(), client.authorizeUrl())
    t.equal(consent.response.status, 200)
  }
  const metadata = await fetch(`${lab.publicUrl}/.well-known/oauth-authorization-server`)
  t.match(await metadata.json(), { response_modes_supported: ['query'] })
})

t.test('an authorization request is no place to store things', async (t) => {
  const lab = await openSignInLab(t)
  const client = await OAuthClient.register(lab.publicUrl)
  const response = await fetch(client.authorizeUrl({ state: 's'.repeat(9000) }))
  t.equal(response.status, 400)
  t.match(await response.text(), /too long/)
})
