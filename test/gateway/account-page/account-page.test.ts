import t from 'tap'
import { GOOGLE_SCOPE } from '#shared/access-levels.ts'
import { asUserId } from '#shared/ids.ts'
import { createConnectedClients } from '../../../gateway/oauth/connected-clients.ts'
import { startUpkeep } from '../../../gateway/oauth/sweep-oauth-rows.ts'
import { Browser, formFields } from '../../helpers/browser.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import {
  ADA,
  answerGoogle,
  BEN,
  type Choices,
  OAuthClient,
  openConsent,
  openSignInLab,
  post,
  type SignInLab,
  signInClient,
  storedRows
} from '../../helpers/sign-in.ts'
import { onEach } from '../../helpers/store-engines.ts'

const never = () => false

/** Signs in on the account page and returns what it shows. */
async function enter(lab: SignInLab, browser: Browser, choices: Choices = {}) {
  const from = new URL(`${lab.publicUrl}/account`)
  const page = await (await browser.fetch(from)).text()
  const google = await browser.submit('/account/sign-in', formFields(page), from)
  const at = { url: google.url, text: await google.response.text() }
  const { response } = await answerGoogle(browser, at, choices, never)
  return { status: response.status, text: await response.text() }
}

/** Sends one of the page's forms; `fields` are added to its token. */
async function act(
  lab: SignInLab,
  browser: Browser,
  action: string,
  fields: Record<string, string>
) {
  const from = new URL(`${lab.publicUrl}/account`)
  const { token = '' } = formFields(await (await browser.fetch(from)).text())
  const visit = await browser.submit(`/account/${action}`, { token, ...fields }, from)
  return { ...visit, text: await visit.response.text() }
}

t.test('looking at the account page asks Google for no mail and stores nothing', async (t) => {
  const lab = await openSignInLab(t)
  const browser = new Browser()
  const { status, text } = await enter(lab, browser)
  t.equal(status, 200)
  t.match(text, ADA)
  t.match(text, 'Your Gmail is not connected')
  t.notMatch(text, 'Disconnect and erase')
  t.same(await storedRows(lab), [])
  const out = await act(lab, browser, 'sign-out', {})
  t.match(out.text, 'Sign in with Google')
  t.same(browser.cookieNames(`${lab.publicUrl}/account`), [])
})

onEach('mail is connected on the account page, and a personal token made and used', async (t) => {
  const lab = await openSignInLab(t)
  const browser = new Browser()
  await enter(lab, browser)
  const google = await act(lab, browser, 'connect', { level: 'gmail.draft' })
  t.match(google.url.href, lab.google.url)
  t.equal(google.url.searchParams.get('login_hint'), ADA)
  await answerGoogle(browser, google, {}, never)
  t.same(lab.changed, [lab.idOf(ADA)])
  const scopes = await lab.accounts.grantedScopes(asUserId(lab.idOf(ADA)))
  t.ok(scopes.includes(GOOGLE_SCOPE.compose) && !scopes.includes(GOOGLE_SCOPE.modify))

  const fields = { name: 'lap<top', level: 'gmail.read', hours: '1' }
  const made = await act(lab, browser, 'tokens', fields)
  const [token = ''] = /mcp_token_[\w-]{43}/.exec(made.text) ?? []
  t.equal(made.response.headers.get('cache-control'), 'no-store')
  t.match(await lab.bearer.verify(token), { level: 'gmail.read', credential: 'personal' })
  const shown = await (await browser.fetch(`${lab.publicUrl}/account`)).text()
  t.match(shown, 'lap&#60;top')
  t.notMatch(shown, token)
  const [record] = await lab.personalTokens.list(asUserId(lab.idOf(ADA)))
  t.equal((record?.expiresAt ?? 0) - (record?.createdAt ?? 0), 3600_000)

  for (const bad of [{ level: 'gmail.full' }, { hours: '9999' }, { name: '' }]) {
    t.ok((await act(lab, browser, 'tokens', { ...fields, ...bad })).response.status >= 400)
  }
  const other = new Browser()
  await enter(lab, other, { email: BEN })
  await act(lab, other, 'tokens/revoke', { id: record?.id ?? '' })
  t.ok(await lab.bearer.verify(token), 'nobody revokes what is another’s')
  await act(lab, browser, 'tokens/revoke', { id: record?.id ?? '' })
  t.equal(await lab.bearer.verify(token), undefined)
  const mine = { userId: lab.idOf(ADA), target: record?.id }
  t.match(
    lab.noted,
    [
      { ...mine, action: 'create_token', requestId: /./ },
      { ...mine, action: 'revoke_token', requestId: /./ }
    ],
    'what was done is written down, and not what was tried'
  )
  t.equal(lab.noted.length, 2)
})

onEach('clients and sessions are listed and ended by their owner only', async (t) => {
  const lab = await openSignInLab(t)
  const client = await OAuthClient.register(lab.publicUrl, { client_name: 'Cursor <i>' })
  const tokens = await signInClient(new Browser(), client)
  const session = (handle: string, clientId: string) => ({
    handle,
    clientId,
    clientName: `${handle} <u>`,
    createdAt: Date.now(),
    lastSeenAt: Date.now()
  })
  lab.sessions.push(session('s-1', client.id), session('s-2', 'another'), session('s-3', 'another'))

  const ben = new Browser()
  await enter(lab, ben, { email: BEN })
  await act(lab, ben, 'clients/revoke', { client: 'nothing-of-his' })
  t.ok(await lab.bearer.verify(tokens.access_token))

  const ada = new Browser()
  const { text } = await enter(lab, ada)
  t.match(text, 'Cursor &#60;i&#62;')
  t.match(text, 's-2 &#60;u&#62;')
  await act(lab, ada, 'sessions/end', { handle: 's-2' })
  await act(lab, ada, 'sessions/end', { handle: 'not-listed' })
  t.same(
    lab.sessions.map(({ handle }) => handle),
    ['s-1', 's-3']
  )
  await act(lab, ada, 'clients/revoke', { client: client.id })
  t.equal(await lab.bearer.verify(tokens.access_token), undefined)
  t.equal((await client.refresh(tokens.refresh_token)).error, 'invalid_grant')
  t.same(
    lab.sessions.map(({ handle }) => handle),
    ['s-3'],
    'its sessions end with it'
  )
  t.same(
    lab.noted.map(({ userId, action, target }) => [userId, action, target]),
    [
      [lab.idOf(ADA), 'end_session', 's-2'],
      [lab.idOf(ADA), 'disconnect_client', client.id]
    ]
  )
})

t.test('a copy of the cookie is worth nothing after signing out', async (t) => {
  const lab = await openSignInLab(t)
  const browser = new Browser()
  await enter(lab, browser)
  const cookie = browser.cookieHeader(`${lab.publicUrl}/account`)
  const asCopied = async () =>
    (await fetch(`${lab.publicUrl}/account`, { headers: { cookie } })).text()
  t.match(await asCopied(), ADA)
  await act(lab, browser, 'sign-out', {})
  t.notMatch(await asCopied(), ADA)
  t.match(await asCopied(), 'Sign in with Google')
  await enter(lab, browser)
  t.notMatch(await asCopied(), ADA, 'nor does it come back with the next sign-in')
})

t.test('a token that lives long takes a fresh sign-in, and a short one does not', async (t) => {
  const clock = new FakeClock(Date.now())
  const lab = await openSignInLab(t, { clock })
  await signInClient(new Browser(), await OAuthClient.register(lab.publicUrl))
  const browser = new Browser()
  await enter(lab, browser)
  const wish = { name: 'server', level: 'gmail.read', hours: '720' }
  t.match((await act(lab, browser, 'tokens', wish)).text, /mcp_token_/, 'just after the sign-in')
  clock.advance(301_000)
  t.match((await act(lab, browser, 'tokens', { ...wish, hours: '24' })).text, /mcp_token_/)
  const asked = await act(lab, browser, 'tokens', wish)
  t.equal(asked.url.origin, new URL(lab.google.url).origin)
  t.match(asked.url.searchParams.get('prompt'), 'select_account', 'Google has to ask')
  const { url, response } = await answerGoogle(browser, asked, {}, never)
  const page = await response.text()
  t.match(page, /Create this token\?.*server.*30 days/s)
  t.notMatch(page, /mcp_token_/, 'coming back makes nothing by itself')
  const made = await browser.submit('/account/tokens', formFields(page), url)
  t.match(await made.response.text(), /mcp_token_/)
  const tokens = await lab.personalTokens.list(asUserId(lab.idOf(ADA)))
  t.equal(tokens.length, 3)
})

t.test('applications of one name are told apart by place and time', async (t) => {
  const clock = new FakeClock(Date.now())
  const lab = await openSignInLab(t, { clock })
  const name = { client_name: 'Assistant' }
  const web = await OAuthClient.register(lab.publicUrl, name, 'https://claude.ai/callback')
  const app = await OAuthClient.register(lab.publicUrl, name, 'assistant://claude.ai/callback')
  const tokens = await signInClient(new Browser(), web)
  clock.advance(3600_000)
  await signInClient(new Browser(), app)
  await web.refresh(tokens.refresh_token)
  const clients = createConnectedClients({ store: lab.store, clock, resource: lab.resource })
  const listed = await clients.list(asUserId(lab.idOf(ADA)))
  const [of = undefined, other = undefined] = [
    'claude.ai',
    'whatever app opens assistant: links on this device'
  ].map((place) => listed.find((client) => client.place === place))
  t.equal((of?.lastUsedAt ?? 0) - (of?.since ?? 0), 3600_000)
  t.equal(other?.lastUsedAt, other?.since)
})

onEach('disconnect and erase leaves nothing here and no access at Google', async (t) => {
  const lab = await openSignInLab(t)
  const client = await OAuthClient.register(lab.publicUrl)
  const tokens = await signInClient(new Browser(), client)
  const browser = new Browser()
  await enter(lab, browser)
  t.equal((await act(lab, browser, 'erase', {})).response.status, 400, 'only when confirmed')
  t.same(lab.erased, [])
  const done = await act(lab, browser, 'erase', { confirm: 'yes' })
  t.match(done.text, 'Your access at Google was revoked')
  t.same(lab.erased, [lab.idOf(ADA)])
  t.match(lab.noted, [{ userId: lab.idOf(ADA), action: 'erase_account', target: 'account' }])
  t.same(await storedRows(lab), [])
  t.equal(await lab.bearer.verify(tokens.access_token), undefined)
  t.match(await (await browser.fetch(`${lab.publicUrl}/account`)).text(), 'Sign in with Google')
})

t.test('forms of the account page work from the page itself only', async (t) => {
  const lab = await openSignInLab(t)
  await signInClient(new Browser(), await OAuthClient.register(lab.publicUrl))
  const browser = new Browser()
  await enter(lab, browser)
  const { token = '' } = formFields(await (await browser.fetch(`${lab.publicUrl}/account`)).text())
  const send = (from: Browser, fields: Record<string, string>, origin: string) =>
    from.fetch(`${lab.publicUrl}/account/erase`, {
      method: 'POST',
      body: new URLSearchParams({ confirm: 'yes', ...fields }),
      headers: { origin }
    })
  t.equal((await send(browser, { token }, 'https://evil.example')).status, 403)
  t.equal((await send(browser, {}, lab.publicUrl)).status, 403)
  const ben = new Browser()
  await enter(lab, ben, { email: BEN })
  t.equal((await send(ben, { token }, lab.publicUrl)).status, 403, 'another’s token')
  t.equal((await send(new Browser(), { token }, lab.publicUrl)).status, 303, 'nobody signed in')
  t.same(lab.erased, [])
})

t.test('the account page is plain, private and not for outsiders', async (t) => {
  const lab = await openSignInLab(t, { allowed: (profile) => profile.email !== BEN })
  const response = await fetch(`${lab.publicUrl}/account`)
  const text = await response.text()
  t.notMatch(text, /<script|<img|javascript:|src=/i)
  t.match(text, '<html lang="en">')
  t.match(text, 'prefers-color-scheme: dark')
  t.match(response.headers.get('content-security-policy'), "frame-ancestors 'none'")
  t.equal(response.headers.get('cache-control'), 'no-store')
  const refused = await enter(lab, new Browser(), { email: BEN })
  t.equal(refused.status, 403)
  const declined = await enter(lab, new Browser(), { atGoogle: 'deny' })
  t.match(declined.text, 'You did not allow access at Google')
})

onEach('the upkeep removes what expired and registrations that nobody used', async (t) => {
  const clock = new FakeClock(Date.now())
  const lab = await openSignInLab(t)
  const used = await OAuthClient.register(lab.publicUrl)
  const { refresh_token: token } = await signInClient(new Browser(), used)
  t.equal((await used.refresh(token)).status, 200)
  await post(`${lab.publicUrl}/oauth/register`, { redirect_uris: ['http://127.0.0.1/cb'] })
  const models = async () =>
    (await lab.store.db.selectFrom('oauth').select(['model', 'id']).execute()).map(
      ({ model }) => model
    )
  t.equal((await models()).filter((model) => model === 'Client').length, 2)

  const failures: unknown[] = []
  let resealed = 0
  let audited = 0
  let swept = 0
  const upkeep = startUpkeep({
    store: lab.store,
    personalTokens: lab.personalTokens,
    mailboxLinks: lab.mailboxLinks,
    grants: {
      reseal: async () => {
        resealed += 1
        return 0
      }
    },
    audit: {
      sweep: async () => {
        audited += 1
        return 0
      }
    },
    sends: {
      sweep: async () => {
        swept += 1
        return 0
      }
    },
    clock,
    failed: (error) => failures.push(error)
  })
  t.teardown(() => upkeep.close())
  t.equal(await upkeep.sweep(), 0, 'nothing is old yet')
  t.equal(audited, 1, 'the audit is looked at as well')
  t.equal(swept, 1, 'and what was sent')
  clock.advance(25 * 3600_000)
  await upkeep.sweep()
  t.same((await models()).toSorted(), ['Client', 'Client', 'Grant', 'RefreshToken'])
  t.equal((await used.refresh(token)).error, 'invalid_grant')
  const clients = createConnectedClients({ store: lab.store, clock, resource: lab.resource })
  t.match(await clients.list(asUserId(lab.idOf(ADA))), [
    { clientId: used.id, name: 'Test client', level: 'gmail.modify' }
  ])
  clock.advance(31 * 24 * 3600_000)
  await upkeep.sweep()
  t.same(await models(), ['Client'], 'its person may come back, and it knows no other id')
  t.equal((await openConsent(new Browser(), used.authorizeUrl())).response.status, 200)
  clock.advance(335 * 24 * 3600_000)
  await upkeep.sweep()
  t.same(
    (await models()).filter((model) => model === 'Client'),
    [],
    'a client that came no more for a year is forgotten'
  )
  await upkeep.close()
  await upkeep.close()
  t.ok(resealed > 0, 'runs come by themselves')
  t.same(failures, [])
})

onEach('a person narrows what tools may do, and cannot widen what the operator set', async (t) => {
  const lab = await openSignInLab(t, { operatorPolicy: { set: 'extended', modes: ['no-delete'] } })
  const browser = new Browser()
  await enter(lab, browser)
  const early = await act(lab, browser, 'tools', { set: 'core' })
  t.equal(early.response.status, 403, 'nothing to choose for without an account')
  await answerGoogle(
    browser,
    await act(lab, browser, 'connect', { level: 'gmail.modify' }),
    {},
    never
  )
  const userId = asUserId(lab.idOf(ADA))
  t.same(await lab.choices.policyOf(userId), { set: 'all', modes: [], confirm: [] })

  const { text } = await act(lab, browser, 'tools', { set: 'core', modes: 'draft-only' })
  t.same(await lab.choices.policyOf(userId), { set: 'core', modes: ['draft-only'], confirm: [] })
  t.same(lab.policies, [userId], 'the worker hears of it')
  t.match(lab.noted.at(-1), { action: 'choose_tools', target: 'core draft-only' })
  t.match(text, /<option value="core" selected>/)
  t.match(text, /value="draft-only" checked>/)
  t.match(text, /value="no-delete" checked disabled>/)
  t.notMatch(text, /<option value="all"/, 'more than the operator offers is not offered')

  await act(lab, browser, 'tools', { set: 'extended' })
  t.match(await lab.choices.policyOf(userId), { set: 'extended', modes: [] }, 'and taken back')
  const wrong = await act(lab, browser, 'tools', { set: 'everything' })
  t.ok(wrong.response.status >= 400)
  const other = new Browser()
  const foreign = await other.submit(
    '/account/tools',
    { set: 'core' },
    new URL(`${lab.publicUrl}/account`)
  )
  t.equal((await lab.choices.policyOf(userId)).set, 'extended', String(foreign.response.status))
  await lab.accounts.erase(userId)
  t.same(await lab.store.db.selectFrom('account_choices').selectAll().execute(), [])
})
