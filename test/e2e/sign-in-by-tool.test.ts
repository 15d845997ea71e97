import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { AccessLevel } from '#shared/access-levels.ts'
import { SIGN_IN_TOOL_NAMES } from '#shared/tool-names.ts'
import { openStore } from '../../gateway/store/store.ts'
import { type Sandbox, startSandbox } from '../../ops/sandbox/sandbox.ts'
import { Browser, formFields } from '../helpers/browser.ts'
import {
  call,
  initialize,
  messageOf,
  modern,
  modernCall,
  send,
  until,
  workersOf
} from '../helpers/mcp-http.ts'
import { answerGoogle } from '../helpers/sign-in.ts'
import { startGateway, type TestGateway } from '../helpers/start-gateway.ts'
import { followLink, leaveForGoogle, openToolClient } from '../helpers/tool-client.ts'

const ADA = 'ada@sandbox.example'
const BEN = 'ben@sandbox.example'
const NO_TOKEN = { authorization: '' }
const FOUR = SIGN_IN_TOOL_NAMES.slice(0, 4)

interface House {
  readonly google: Sandbox
  readonly gateway: TestGateway
  readonly log: () => string
}

interface HouseOptions {
  readonly settings?: Readonly<Record<string, string>>
  /** Ada and Ben are connected with this level; otherwise nobody is. */
  readonly level?: AccessLevel
  readonly directory?: string
}

async function open(
  t: Test,
  { settings = {}, level, directory }: HouseOptions = {}
): Promise<House> {
  const google = await startSandbox({
    users: [
      { email: ADA, empty: true },
      { email: BEN, empty: true }
    ]
  })
  const logFile = join(t.testdir(), 'log')
  const gateway = await startGateway({
    google,
    connected: level !== undefined,
    ...(level && { level }),
    ...(directory && { directory }),
    logFile,
    settings: { SIGN_IN_BY_TOOL: 'on', LOG_LEVEL: 'debug', WARM_WORKERS: '1', ...settings }
  })
  t.teardown(async () => {
    await gateway.close()
    await google.close()
  })
  return { google, gateway, log: () => readFileSync(logFile, 'utf8') }
}

const subOf = ({ google }: House, email: string): string =>
  google.users.find((user) => user.email === email)?.sub ?? ''

const sessionsOf = async ({ gateway }: House) => {
  const { body } = await gateway.admin('GET', '/admin/sessions')
  return (body as { sessions: { userId: string; email: string | null; handle: string }[] }).sessions
}

/** Nobody has come in: no account is known, and every session is nobody's. */
async function nobodyIsIn(t: Test, house: House): Promise<void> {
  for (const { userId, email } of await sessionsOf(house)) {
    t.match(userId, /^nobody:/)
    t.equal(email, null)
  }
  const browser = new Browser()
  const page = await browser.follow(`${house.gateway.origin}/account`)
  t.notMatch(await page.response.text(), ADA)
}

async function signIn(assistant: Assistant, email = ADA, level?: AccessLevel) {
  const link = await assistant.call('get_auth_url', { accessLevel: 'full' })
  const { code } = await followLink(link.data.authUrl, { email, ...(level && { level }) })
  return assistant.call('check_authentication', { code })
}

/** The person's own page, behind Google's sign-in. */
async function openAccount({ gateway }: House, email: string) {
  const browser = new Browser()
  const front = await browser.follow(`${gateway.origin}/account`)
  const fields = formFields(await front.response.text())
  const google = await browser.submit('/account/sign-in', fields, front.url)
  const text = await google.response.text()
  const page = await answerGoogle(browser, { url: google.url, text }, { email }, () => false)
  return { browser, url: page.url, text: await page.response.text() }
}

/** Who did what, as the store has it, besides coming in. */
async function auditOf(house: House): Promise<string[]> {
  const rows: { actor: string; action: string }[] = []
  await inStore(house, async (db) => {
    rows.push(...(await db.selectFrom('audit').selectAll().orderBy('id').execute()))
  })
  return rows
    .filter(({ action }) => action !== 'sign_in')
    .map(({ actor, action }) => `${actor} ${action}`)
}

/** What only an operator or time does to the store. */
async function inStore(
  { gateway }: House,
  change: (db: Awaited<ReturnType<typeof openStore>>['db']) => Promise<unknown>
): Promise<void> {
  const store = await openStore(gateway.config.DATABASE_URL)
  await change(store.db)
  await store.close()
}

type Assistant = Awaited<ReturnType<typeof openToolClient>>

t.test('without a token a person signs in, and goes on in the same session', async (t) => {
  const house = await open(t)
  const { gateway, log } = house
  const assistant = await openToolClient(t, gateway.url)
  const id = assistant.sessionId()
  t.match(id, /^[\w-]{32}$/)
  t.same(await assistant.tools(), FOUR)
  t.match(assistant.client.getInstructions(), /get_auth_url/)
  const [stranger, ...others] = (await workersOf(gateway)).filter(({ userId }) => userId !== null)
  t.match(stranger?.userId, /^nobody:/)
  t.same(others, [])
  t.match(await assistant.call('check_authentication'), { data: { status: 'none' } })
  t.match(await assistant.call('get_auth_url', { accessLevel: 'nothing' }), { isError: true })
  t.match(
    (
      await send(
        { url: gateway.url, token: '' },
        { body: call('get_profile'), session: id, headers: NO_TOKEN }
      )
    ).status,
    200
  )

  const link = await assistant.call('get_auth_url')
  t.match(link.data, {
    authUrl: new RegExp(`^${gateway.origin}/oauth/link/[\\w-]{32}$`),
    authRequestId: String,
    scopes: ['https://www.googleapis.com/auth/gmail.modify']
  })
  const waiting = assistant.call('check_authentication', { waitSeconds: 55 })
  const atGoogle = await leaveForGoogle(link.data.authUrl)
  t.match(Object.fromEntries(atGoogle.url.searchParams), {
    access_type: 'offline',
    include_granted_scopes: 'true',
    code_challenge_method: 'S256',
    code_challenge: /^[\w-]{43}$/,
    state: /^[\w-]{20,}$/,
    nonce: String
  })
  const again = await assistant.call('get_auth_url', { loginHint: ADA })
  t.match(await waiting, { data: { status: 'pending' } }, 'a newer link is waited for elsewhere')
  const { code, page } = await followLink(again.data.authUrl, { email: ADA })
  t.match(page, /Nothing is connected yet/)
  t.match(await assistant.call('check_authentication', { waitSeconds: 5 }), {
    data: { status: 'code_required' },
    text: /Ask for it/
  })
  t.same(await assistant.tools(), FOUR, 'nothing is connected yet')
  t.match(await assistant.call('check_authentication', { code }), {
    isError: false,
    data: { status: 'authenticated', email: ADA, level: 'gmail.modify', expiresAt: String }
  })

  await until(() => assistant.listChanges() === 1)
  const tools = await assistant.tools()
  t.ok(tools.includes('search_emails'))
  t.same(tools.slice(0, 5), SIGN_IN_TOOL_NAMES)
  t.equal(assistant.sessionId(), id, 'the session is the same')
  t.match(await assistant.call('get_profile'), { data: { emailAddress: ADA } })
  await until(async () =>
    (await workersOf(gateway)).every(({ userId }) => !userId?.startsWith('nobody:'))
  )
  t.match(await gateway.metrics(), /tool_calls_total\{tool="get_auth_url",result="ok"\} 2/)
  const [worker] = (await workersOf(gateway)).filter(({ userId }) => userId !== null)
  t.equal(worker?.userId, subOf(house, ADA))
  t.not(worker?.pid, stranger?.pid, 'nobody’s process is not the person’s')
  t.match(await sessionsOf(house), [{ userId: subOf(house, ADA), email: ADA }])
  t.match(await assistant.call('check_authentication'), { data: { status: 'authenticated' } })

  const account = await openAccount(house, ADA)
  t.match(account.text, /plain-client.*signed in by a tool, without a token/is)
  const secrets = /ya29\.|1\/\/0|GOCSPX|mcp_token_|4\/0A|client_secret/
  t.notMatch(assistant.seen.join('\n'), secrets, 'the model sees no token and no secret')
  t.notMatch(log(), secrets)
  for (const canary of [id, code, ADA, 'oauth/link/'])
    t.notOk(log().includes(canary), 'not in the log')
})

t.test('who follows somebody else’s link connects nobody', async (t) => {
  const house = await open(t)
  const attacker = await openToolClient(t, house.gateway.url)
  const link = await attacker.call('get_auth_url', { accessLevel: 'full' })
  const victim = await followLink(link.data.authUrl, { email: ADA })
  t.match(victim.page, /If somebody|somebody else send you the link/i)
  t.match(victim.code, /^\w{4}-\w{4}$/)
  t.match(await attacker.call('check_authentication'), { data: { status: 'code_required' } })
  const other = await openToolClient(t, house.gateway.url)
  t.match(
    await other.call('check_authentication', { code: victim.code }),
    { data: { status: 'none' } },
    'the code is of no use in another session'
  )
  for (const triesLeft of [4, 3, 2, 1])
    t.match(await attacker.call('check_authentication', { code: 'BBBB-CCCC' }), {
      data: { status: 'wrong_code', triesLeft }
    })
  t.match(await attacker.call('check_authentication', { code: 'DDDD-FFFF' }), {
    data: { status: 'denied' }
  })
  t.match(await attacker.call('check_authentication', { code: victim.code }), {
    data: { status: 'denied' }
  })
  t.same(await attacker.tools(), FOUR)
  await nobodyIsIn(t, house)
  const { requests } = house.google
  await until(() => requests.list({ method: 'revoke', status: 200 }).length === 1)
  t.pass('what Google granted meanwhile is revoked')
})

t.test('a link works once, in one browser, and only forward', async (t) => {
  const house = await open(t)
  const assistant = await openToolClient(t, house.gateway.url)
  const status = async () => (await assistant.call('check_authentication')).data.status
  const newLink = async () => (await assistant.call('get_auth_url')).data.authUrl

  const twice = await newLink()
  const late = new Browser()
  const lateTab = await late.follow(String(twice))
  const lateFields = formFields(await lateTab.response.text())
  const first = new Browser()
  const atGoogle = await leaveForGoogle(twice, undefined, first)
  t.match(await followLink(twice, { email: BEN }), { status: 400, page: /used up/, code: '' })
  const tooLate = await late.submit(lateTab.url, { ...lateFields, decision: 'allow' }, lateTab.url)
  t.equal(tooLate.response.status, 400, 'who had the page open already comes second')
  const other = new Browser()
  const { url } = atGoogle
  const callback = new URL('/oauth2callback', house.gateway.origin)
  callback.search = new URLSearchParams({
    state: url.searchParams.get('state') ?? '',
    code: 'any'
  }).toString()
  const foreign = await other.fetch(callback)
  t.equal(foreign.status, 400)
  t.match(await foreign.text(), /did not begin here/)
  t.equal(await status(), 'pending')

  const replaced = await newLink()
  const latest = await newLink()
  t.match(await followLink(replaced, { email: ADA }), { status: 400, code: '' })

  const browser = new Browser()
  const page = await browser.follow(String(latest))
  t.match(page.response.headers.get('content-security-policy'), /frame-ancestors 'none'/)
  const html = await page.response.text()
  t.match(html, /plain-client/)
  const forged = await browser.fetch(page.url, {
    method: 'POST',
    headers: { origin: 'https://evil.example' },
    body: new URLSearchParams({ decision: 'allow', level: 'gmail.read', token: 'x' })
  })
  t.equal(forged.status, 403, 'only our own page goes on')
  t.equal(await status(), 'pending')
  const token = /name="token" value="([^"]+)"/.exec(html)?.[1] ?? ''
  const denied = await browser.submit(page.url, { token, decision: 'deny' }, page.url)
  t.match(await denied.response.text(), /Nothing was connected/)
  t.equal(await status(), 'denied')

  const refused = await followLink(await newLink(), { email: ADA, atGoogle: 'deny' })
  t.match(refused, { status: 403, page: /did not allow access at Google/ })
  t.equal(await status(), 'denied')
  t.match(await followLink(`${house.gateway.origin}/oauth/link/xxxx`, { email: ADA }), {
    status: 400
  })
  await nobodyIsIn(t, house)
})

t.test('the person decides what is allowed, and may allow more later', async (t) => {
  const house = await open(t)
  const assistant = await openToolClient(t, house.gateway.url)
  t.match(await signIn(assistant, ADA, 'gmail.read'), {
    data: { status: 'authenticated', level: 'gmail.read' }
  })
  await until(() => assistant.listChanges() === 1)
  t.notOk((await assistant.tools()).includes('create_filter'))
  await t.rejects(assistant.call('create_label', { name: 'x' }), /scope|403/i)

  const wrong = await assistant.call('get_auth_url', { accessLevel: 'settings' })
  t.match(await followLink(wrong.data.authUrl, { email: BEN }), {
    status: 403,
    page: /another account/i,
    code: ''
  })
  t.match(await assistant.call('check_authentication'), { data: { status: 'wrong_account' } })
  t.notOk((await assistant.tools()).includes('create_filter'))

  const right = await assistant.call('get_auth_url', { accessLevel: 'settings' })
  const { code } = await followLink(right.data.authUrl, { email: ADA })
  t.match(await assistant.call('check_authentication', { code }), {
    data: { status: 'authenticated', email: ADA, level: 'gmail.settings' }
  })
  await until(() => assistant.listChanges() === 2)
  t.ok((await assistant.tools()).includes('create_filter'))
  t.match(await assistant.call('create_label', { name: 'x' }), { isError: false })

  house.google.revokeGrants(ADA)
  house.google.expireAccessTokens(ADA)
  t.match(await assistant.call('get_profile'), { isError: true, text: /needs_reauth/ })
  const anew = await assistant.call('get_auth_url', { accessLevel: 'standard' })
  const back = await followLink(anew.data.authUrl, { email: ADA })
  t.match(await assistant.call('check_authentication', { code: back.code }), {
    data: { status: 'authenticated', email: ADA }
  })
  t.match(await assistant.call('get_profile'), { data: { emailAddress: ADA } })
})

t.test(
  'a session with a token has the same tools, for more access in this session alone',
  async (t) => {
    const house = await open(t, { level: 'gmail.read' })
    const [ada, ben] = house.gateway.users
    const shown: string[] = []
    const assistant = await openToolClient(t, house.gateway.url, {
      token: ada!.token,
      showsLinks(url) {
        shown.push(url)
        void followLink(url, { email: ADA })
        return 'accept'
      }
    })
    t.same((await assistant.tools()).slice(0, 5), SIGN_IN_TOOL_NAMES)
    t.match(await assistant.call('check_authentication'), {
      data: { status: 'authenticated', email: ADA }
    })
    await t.rejects(assistant.call('create_label', { name: 'x' }), /scope|403/i)
    t.match(
      await assistant.call('setup_authentication', { accessLevel: 'standard', timeoutSeconds: 30 }),
      { data: { status: 'code_required', authUrl: shown[0] ?? String } }
    )
    t.equal(shown.length, 1, 'the client showed the link')
    const link = await assistant.call('get_auth_url', { accessLevel: 'standard' })
    const { code } = await followLink(link.data.authUrl, { email: ADA })
    t.match(await assistant.call('check_authentication', { code }), {
      data: { level: 'gmail.modify' }
    })
    t.match(await assistant.call('create_label', { name: 'x' }), { isError: false })
    const second = await openToolClient(t, house.gateway.url, { token: ada!.token })
    await t.rejects(
      second.call('create_label', { name: 'y' }),
      /scope|403/i,
      'the token has not grown'
    )
    t.match(await assistant.call('authenticate_with_token', { sessionToken: ben!.token }), {
      data: { status: 'wrong_account' }
    })
    const named = { session: assistant.sessionId(), body: call('get_profile') }
    const bare = await send({ url: house.gateway.url, token: '' }, { ...named, headers: NO_TOKEN })
    t.equal(bare.status, 404, 'its id alone opens nothing')
  }
)

t.test(
  'setup_authentication waits where the person can see the link, and not elsewhere',
  async (t) => {
    const house = await open(t)
    const assistant = await openToolClient(t, house.gateway.url)
    t.match(await assistant.call('setup_authentication'), {
      data: { status: 'pending', authUrl: String },
      text: /Show the user this link/
    })
    const told: string[] = []
    const done = await assistant.call(
      'setup_authentication',
      { timeoutSeconds: 60 },
      ({ message }) => {
        const url = /http\S+/.exec(message ?? '')?.[0]
        if (told.length === 0) void followLink(url, { email: ADA })
        told.push(message ?? '')
      }
    )
    t.match(done, { data: { status: 'code_required' } })
    t.ok(told.length > 0)
  }
)

t.test('sign_out ends the session, and with revoke everything', async (t) => {
  const house = await open(t)
  const { gateway, google } = house
  const assistant = await openToolClient(t, gateway.url)
  await signIn(assistant)
  t.match(await assistant.call('sign_out'), { data: { signedOut: true, revoked: false } })
  await until(async () => (await sessionsOf(house)).length === 0)
  await t.rejects(assistant.call('get_profile'), /Session not found/)
  t.equal(google.requests.list({ method: 'revoke' }).length, 0)
  t.same(await auditOf(house), [`user:${subOf(house, ADA)} end_session`])

  const second = await openToolClient(t, gateway.url)
  const third = await openToolClient(t, gateway.url)
  await signIn(second, ADA, 'gmail.modify')
  await signIn(third)
  t.match(await second.call('sign_out', { revoke: true }), {
    data: { signedOut: true, ended: 'application', revoked: false }
  })
  await t.rejects(second.call('get_profile'), /Session not found/)
  t.match(await third.call('get_profile'), { isError: false }, 'what it may not end goes on')
  await until(async () => (await sessionsOf(house)).length === 1)
  const fourth = await openToolClient(t, gateway.url)
  await signIn(fourth)
  t.match(await third.call('sign_out', { revoke: true }), {
    data: { signedOut: true, ended: 'account', revoked: true }
  })
  await until(async () => (await sessionsOf(house)).length === 0)
  await t.rejects(third.call('get_profile'), /Session not found/)
  await t.rejects(fourth.call('get_profile'), /Session not found/, 'also in their other sessions')
  await until(async () => (await workersOf(gateway)).every(({ userId }) => userId === null))
  t.ok(google.requests.list({ method: 'revoke', status: 200 }).length > 0)
  const done = ['user end_session', 'user end_session', 'user end_session', 'user erase_account']
  await until(async () => (await auditOf(house)).join() === done.join())
  t.pass('what was done is kept, without who')
})

t.test('a link ends with the session or the token of whoever asked for it', async (t) => {
  const house = await open(t, { level: 'gmail.modify' })
  const { gateway } = house
  const stranger = await openToolClient(t, gateway.url)
  const link = async (assistant: Assistant) =>
    String((await assistant.call('get_auth_url')).data.authUrl)
  const first = await link(stranger)
  t.equal((await fetch(first)).status, 200)
  const [session] = await sessionsOf(house)
  await gateway.admin('DELETE', `/admin/sessions/${session?.handle}`)
  t.match(await followLink(first, { email: ADA }), { status: 400, page: /used up/ })

  const ada = await openToolClient(t, gateway.url, { token: gateway.token })
  const second = await link(ada)
  t.equal((await fetch(second)).status, 200)
  const account = await openAccount(house, ADA)
  const fields = formFields(account.text)
  const id = /name="id" value="([^"]+)"/.exec(account.text)?.[1] ?? ''
  await account.browser.submit('/account/tokens/revoke', { ...fields, id }, account.url)
  t.match(await followLink(second, { email: ADA }), { status: 400, page: /used up/ })
})

t.test('outside of sessions only revoke signs out, and its answer still arrives', async (t) => {
  const house = await open(t, { level: 'gmail.read' })
  const ada = { url: house.gateway.url, token: house.gateway.token }
  const ask = async (args: object) =>
    (await messageOf(await send(ada, modernCall('sign_out', args)))).result
  t.match(await ask({}), { isError: true, structuredContent: { code: 'invalid_argument' } })
  t.match(await ask({ revoke: true }), {
    structuredContent: { signedOut: true, ended: 'application', revoked: false }
  })
  t.equal(house.google.requests.list({ method: 'revoke' }).length, 0, 'the account stays')
  await until(async () => (await send(ada, modernCall('get_profile'))).status === 401)
})

t.test('secrets, paths and user ids are refused as arguments', async (t) => {
  const house = await open(t)
  const assistant = await openToolClient(t, house.gateway.url)
  for (const [name, value] of [
    ['clientId', 'x.apps.googleusercontent.com'],
    ['clientSecret', 'GOCSPX-x'],
    ['callbackUrl', 'https://evil.example/cb'],
    ['storagePath', '../../etc'],
    ['credentialsPath', '/tmp/credentials.json'],
    ['oauthPath', '/tmp/gcp-oauth.keys.json'],
    ['userId', 'somebody']
  ] as const) {
    for (const tool of ['get_auth_url', 'setup_authentication', 'check_authentication']) {
      const answer = await assistant.call(tool, { [name]: value })
      t.match(answer, { isError: true, data: { code: 'invalid_argument' } })
      t.match(answer.text, `${name} cannot be given: `)
      t.notMatch(answer.text, value)
    }
  }
  t.match(await assistant.call('get_auth_url', { accessLevel: 'admin' }), {
    isError: true,
    data: { code: 'invalid_argument' }
  })
})

t.test('a personal token signs a session in, at its level, for as long as it lives', async (t) => {
  const house = await open(t, { level: 'gmail.read', settings: { TOKENS_BY_TOOL: 'on' } })
  const { gateway } = house
  const assistant = await openToolClient(t, gateway.url)
  t.match(await assistant.call('authenticate_with_token', { sessionToken: 'mcp_token_wrong' }), {
    isError: true,
    text: /unknown, expired or revoked/
  })
  t.match(await assistant.call('authenticate_with_token', { sessionToken: gateway.token }), {
    data: { status: 'authenticated', email: ADA, level: 'gmail.read', expiresAt: String }
  })
  t.match(await assistant.call('get_profile'), { data: { emailAddress: ADA } })
  await t.rejects(assistant.call('create_label', { name: 'x' }), /scope|403/i)

  const other = await openToolClient(t, gateway.url)
  const { data } = await signIn(other, BEN, 'gmail.draft')
  t.match(data, { status: 'authenticated', email: BEN, sessionToken: /^mcp_token_[\w-]{43}$/ })
  t.same(await auditOf(house), [`user:${subOf(house, BEN)} create_token`])
  const third = await openToolClient(t, gateway.url, { token: String(data.sessionToken) })
  t.match(await third.call('get_profile'), { data: { emailAddress: BEN } })
  t.notMatch(house.log(), /mcp_token_/)

  await inStore(house, (db) =>
    db.deleteFrom('personal_tokens').where('level', '=', 'gmail.read').execute()
  )
  await t.rejects(assistant.call('get_profile'), /Session not found/, 'it ends with its token')
  t.match(await other.call('get_profile'), { data: { emailAddress: BEN } })
  await inStore(house, (db) => db.updateTable('users').set({ state: 'blocked' }).execute())
  await t.rejects(other.call('get_profile'), /blocked/, 'a blocked person is out at once')
})

t.test('a sign-in that was begun for nobody does not end in somebody’s session', async (t) => {
  const house = await open(t, { level: 'gmail.read' })
  const assistant = await openToolClient(t, house.gateway.url)
  const link = await assistant.call('get_auth_url', { accessLevel: 'full' })
  const { code } = await followLink(link.data.authUrl, { email: BEN })
  const { token: sessionToken } = house.gateway
  t.match(await assistant.call('authenticate_with_token', { sessionToken }), {
    data: { email: ADA, level: 'gmail.read' }
  })
  t.match(await assistant.call('check_authentication', { code }), {
    data: { status: 'wrong_account' }
  })
  t.match(await assistant.call('get_profile'), { data: { emailAddress: ADA } })
  await t.rejects(assistant.call('create_label', { name: 'x' }), /scope|403/i)
})

t.test('sessions outlive processes and gateways, open sign-ins only processes', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'gw-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const house = await open(t, { settings: { WORKER_IDLE: '300ms' }, directory })
  const { gateway, google } = house
  const assistant = await openToolClient(t, gateway.url)
  const other = await openToolClient(t, gateway.url)
  const asleep = () =>
    until(async () => (await workersOf(gateway)).every(({ userId }) => userId === null))
  const link = await assistant.call('get_auth_url')
  await other.call('get_auth_url')
  await asleep()
  const { code } = await followLink(link.data.authUrl, { email: ADA })
  t.match(await assistant.call('check_authentication', { code }), { data: { email: ADA } })
  await asleep()
  t.match(await assistant.call('get_profile'), { data: { emailAddress: ADA } })
  await gateway.close()

  const settings = { SIGN_IN_BY_TOOL: 'on' }
  const next = await startGateway({ google, connected: false, directory, settings })
  t.teardown(() => next.close())
  const ask = async ({ sessionId }: Assistant, tool: string) => {
    const sent = { session: sessionId(), body: call(tool), headers: NO_TOKEN }
    return (await messageOf(await send({ url: next.url, token: '' }, sent))).result
  }
  t.match(await ask(assistant, 'get_profile'), { structuredContent: { emailAddress: ADA } })
  t.match(await ask(other, 'check_authentication'), { structuredContent: { status: 'none' } })
})

t.test('who has no token and no session of this kind is sent to sign-in', async (t) => {
  const house = await open(t, { level: 'gmail.read' })
  const nobody = { url: house.gateway.url, token: '' }
  const headers = NO_TOKEN
  const status = async (more: object) => (await send(nobody, { headers, ...more })).status
  t.equal(await status({ body: { jsonrpc: '2.0', id: 1, method: 'tools/list' } }), 401)
  t.equal(await status({ body: 'no json' }), 401)
  t.equal(await status({ body: { ...initialize(), filler: 'x'.repeat(40_000) } }), 401)
  t.equal(await status({ method: 'GET' }), 401)
  t.equal(await status({ method: 'DELETE' }), 401)
  const { body, headers: era } = modern('tools/list')
  t.equal(await status({ body, headers: { ...era, ...headers } }), 401)
  t.equal(await status({ body: call('get_profile'), session: 'a'.repeat(32) }), 404)
  t.equal(await status({ body: initialize(), headers: { authorization: 'Bearer wrong' } }), 401)
  for (const authorization of ['Bearer', 'Bearer two words', 'Basic YTpi'])
    t.equal(await status({ body: initialize(), headers: { authorization } }), 401, authorization)
  const opened = await send(nobody, { headers, body: initialize() })
  t.equal(opened.status, 200)
  t.match(await messageOf(opened), { result: { serverInfo: { name: 'gmail' } } })
})

t.test('strangers are few, and leave no process', async (t) => {
  const house = await open(t, { settings: { WORKER_LIMIT: '8', WARM_WORKERS: '0' } })
  const nobody = { url: house.gateway.url, token: '' }
  const begin = async () => {
    const response = await send(nobody, { headers: NO_TOKEN, body: initialize() })
    await response.text()
    return response.status
  }
  const opened = await Promise.all([begin(), begin(), begin(), begin()])
  t.same(opened.sort(), [200, 200, 503, 503], 'a quarter of the workers is theirs')
  for (let n = 0; n < 6; n += 1) await begin()
  t.equal(await begin(), 429, 'ten in a minute from one address')
  const pids = (await workersOf(house.gateway)).map(({ pid }) => pid)
  t.equal(pids.length, 2)
  await house.gateway.close()
  for (const pid of pids) t.throws(() => process.kill(pid, 0), 'the process is gone')
})

t.test('where it is off there is no such tool, and no way in', async (t) => {
  const house = await open(t, { level: 'gmail.read', settings: { SIGN_IN_BY_TOOL: 'off' } })
  const nobody = { url: house.gateway.url, token: '' }
  const response = await send(nobody, { headers: NO_TOKEN, body: initialize() })
  t.equal(response.status, 401)
  t.match(response.headers.get('www-authenticate'), /resource_metadata/)
  const assistant = await openToolClient(t, house.gateway.url, { token: house.gateway.token })
  const tools = await assistant.tools()
  for (const name of SIGN_IN_TOOL_NAMES) t.notOk(tools.includes(name))
  t.equal((await fetch(`${house.gateway.origin}/oauth/link/xxxx`)).status, 404)
})
