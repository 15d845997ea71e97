import t from 'tap'
import { type Clock, systemClock } from '#shared/clock.ts'
import { asUserId } from '#shared/ids.ts'
import { startUpkeep } from '../../../gateway/oauth/sweep-oauth-rows.ts'
import { CALLER_HEADER, readCaller, writeCaller } from '../../../gateway/peers/forwarded-caller.ts'
import { mostThatEnds } from '../../../gateway/tool-sign-in/sign-out.ts'
import { AccountVisitor } from '../../helpers/account-page.ts'
import { Browser, formFields } from '../../helpers/browser.ts'
import {
  ADA,
  authorize,
  BEN,
  mailboxIds,
  OAuthClient,
  openSignInLab,
  type SignInLab,
  signInClient
} from '../../helpers/sign-in.ts'
import { onEach } from '../../helpers/store-engines.ts'

const CEM = 'cem@sandbox.example'
const sandbox = {
  users: [ADA, BEN, CEM].map((email) => ({ email, empty: true }))
}
const lab = (t: Parameters<typeof openSignInLab>[0]) => openSignInLab(t, { sandbox })

/** Ada has Ben's mailbox as well, at this level. */
async function withBoth(lab: SignInLab, level?: string): Promise<AccountVisitor> {
  const ada = new AccountVisitor(lab.publicUrl)
  await ada.connect(ADA, 'gmail.modify')
  const google = await ada.act('mailboxes/add', { level: level ?? 'gmail.modify' })
  await ada.atGoogle(google, { email: BEN })
  return ada
}

const idsIn = ({ idOf }: SignInLab) => ({ ada: asUserId(idOf(ADA)), ben: asUserId(idOf(BEN)) })

onEach('a person adds another mailbox, and either end takes it away again', async (t) => {
  const here = await lab(t)
  const { ada, ben } = idsIn(here)
  const stranger = new AccountVisitor(here.publicUrl)
  await stranger.enter(ADA)
  const early = await stranger.act('mailboxes/add', { level: 'gmail.read' })
  t.equal(early.response.status, 403, 'whoever has no account here has none to add to')
  const visitor = new AccountVisitor(here.publicUrl)
  await visitor.connect(ADA)
  const google = await visitor.act('mailboxes/add', { level: 'gmail.read' })
  t.equal(google.url.searchParams.get('login_hint'), null)
  t.match(google.url.searchParams.get('prompt'), 'select_account', 'it is another account')
  const page = await visitor.atGoogle(google, { email: BEN })
  t.match(page, `Signed in as <strong>${ADA}`, 'and they stay who they were')
  t.match(page, `<h3>${BEN}</h3>`)
  t.match(await here.mailboxLinks.of(ada), [{ userId: ben, email: BEN, level: 'gmail.read' }])
  t.same(await here.mailboxLinks.of(ben), [], 'it is one way')
  t.same(
    here.noted.map(({ userId, action, target }) => [userId, action, target]),
    [
      [ada, 'link_mailbox', ben],
      [ben, 'link_mailbox', ada]
    ]
  )
  const again = await visitor.act('mailboxes/add', { level: 'gmail.modify' })
  await visitor.atGoogle(again, { email: BEN })
  t.match(await here.mailboxLinks.of(ada), [{ userId: ben, level: 'gmail.modify' }])

  const owner = new AccountVisitor(here.publicUrl)
  t.match(
    await owner.enter(BEN),
    `This mailbox can be used by</h3><ul class="items"><li><div><h3>${ADA}`
  )
  const cem = new AccountVisitor(here.publicUrl)
  await cem.connect(CEM)
  await cem.act('mailboxes/withdraw', { account: ada })
  await cem.act('mailboxes/remove', { account: ben })
  t.equal((await here.mailboxLinks.of(ada)).length, 1, 'nobody ends what is another’s')
  await owner.act('mailboxes/withdraw', { account: ada })
  t.same(await here.mailboxLinks.of(ada), [])
  await visitor.atGoogle(await visitor.act('mailboxes/add', { level: 'gmail.read' }), {
    email: BEN
  })
  await visitor.act('mailboxes/remove', { account: ben })
  t.same(await here.mailboxLinks.of(ada), [])
  t.same(
    here.noted.slice(-2).map(({ action }) => action),
    ['unlink_mailbox', 'unlink_mailbox']
  )
})

t.test('one’s own account is no other mailbox', async (t) => {
  const here = await lab(t)
  const visitor = new AccountVisitor(here.publicUrl)
  await visitor.connect(ADA)
  await visitor.atGoogle(await visitor.act('mailboxes/add', { level: 'gmail.read' }), {
    email: ADA
  })
  t.same(await here.mailboxLinks.of(idsIn(here).ada), [])
})

// Login CSRF (RFC 6749 §10.12): what was begun by one person is not finished for another.
t.test('whoever signed out or is somebody else by then gets no mailbox', async (t) => {
  const here = await lab(t)
  const visitor = new AccountVisitor(here.publicUrl)
  await visitor.connect(ADA)
  const google = await visitor.act('mailboxes/add', { level: 'gmail.modify' })
  await visitor.act('sign-out')
  t.match(await visitor.atGoogle(google, { email: BEN }), 'You have signed out meanwhile')
  await visitor.enter(ADA)
  const second = await visitor.act('mailboxes/add', { level: 'gmail.modify' })
  await visitor.act('sign-out')
  await visitor.enter(CEM)
  t.match(await visitor.atGoogle(second, { email: BEN }), 'signed in with another account')
  const links = await here.store.db.selectFrom('mailbox_links').selectAll().execute()
  t.same(links, [])
  t.equal(await here.accounts.find(idsIn(here).ben), undefined, 'and nothing is stored of Ben')
})

onEach(
  'a client uses the mailbox that was chosen for it, at no more than both levels',
  async (t) => {
    const here = await lab(t)
    const { ada, ben } = idsIn(here)
    await withBoth(here, 'gmail.draft')
    const client = await OAuthClient.register(here.publicUrl, { client_name: 'Editor <i>' })
    const asked = await authorize(new Browser(), client)
    const page = await asked.response.text()
    t.match(page, 'Which mailboxes may Editor &#60;i&#62; use?')
    t.match(page, /value="\d+" checked> <span>ada@/, 'one’s own is chosen')
    t.same(
      [...mailboxIds(page)],
      [
        [ADA, ada],
        [BEN, ben]
      ]
    )

    const own = await signInClient(new Browser(), client, { mailboxes: [ADA] })
    t.match(await here.bearer.verify(own.access_token), { userId: ada, person: undefined })
    const bens = await signInClient(new Browser(), client, { mailboxes: [BEN] })
    const expected = { userId: ben, person: ada, level: 'gmail.draft', clientId: client.id }
    t.match(await here.bearer.verify(bens.access_token), expected)
    const later = await client.refresh(bens.refresh_token)
    t.match(await here.bearer.verify(later.access_token), expected, 'also with the next token')
    const least = await signInClient(new Browser(), client, {
      mailboxes: [BEN],
      level: 'gmail.read'
    })
    t.match(await here.bearer.verify(least.access_token), { userId: ben, level: 'gmail.read' })
    t.same(
      here.told.filter(({ action }) => action === 'consent').map(({ userId }) => userId),
      [ada, ada, ben, ada, ben],
      'the owner of each mailbox finds it among what was done'
    )

    await here.mailboxLinks.remove({ userId: ada, mailbox: ben })
    t.equal(await here.bearer.verify(later.access_token), undefined)
    t.equal((await client.refresh(later.refresh_token)).error, 'invalid_grant')
    t.match(await here.bearer.verify(own.access_token), { userId: ada }, 'the others stay')
  }
)

t.test('a mailbox that is blocked, not allowed or gone cannot be used', async (t) => {
  const here = await lab(t)
  const { ada, ben } = idsIn(here)
  await withBoth(here)
  const client = await OAuthClient.register(here.publicUrl)
  const { access_token: token } = await signInClient(new Browser(), client, { mailboxes: [BEN] })
  await here.accounts.block(ben)
  await t.rejects(here.bearer.verify(token), { code: 'ERR_ACCOUNT_BLOCKED' })
  await here.accounts.unblock(ben)
  t.match(await here.bearer.verify(token), { userId: ben })
  await here.accounts.erase(ben)
  t.equal(await here.bearer.verify(token), undefined)
  t.same(await here.mailboxLinks.of(ada), [])
})

t.test('the choice is made by whoever came back from Google, of what is theirs', async (t) => {
  const here = await lab(t)
  const { ada, ben } = idsIn(here)
  await withBoth(here)
  const client = await OAuthClient.register(here.publicUrl)
  const browser = new Browser()
  const asked = await authorize(browser, client)
  const page = await asked.response.text()
  const [, action = ''] = /<form method="post" action="([^"]*)"/.exec(page) ?? []
  const fields = { ...formFields(page), decision: 'allow', mailbox: ben }
  const from = new URL(here.publicUrl)
  const tried = async (who: Browser, changes: Record<string, string>) =>
    (await who.submit(new URL(action, from), { ...fields, ...changes }, from, client.isMine))
      .response.status
  t.ok((await tried(new Browser(), {})) >= 400, 'not in another browser')
  t.equal(await tried(browser, { token: 'x' }), 403, 'not by another page')
  const cem = new AccountVisitor(here.publicUrl)
  await cem.connect(CEM)
  const before = new Browser()
  const consent = await before.follow(client.authorizeUrl())
  const skipped = new URL(`${consent.url.pathname}/mailbox`, from)
  const early = await before.submit(skipped, { ...fields, mailbox: ada }, from)
  t.equal(early.response.status, 403, 'not before Google has said who it is')
  t.equal(await tried(browser, { mailbox: here.idOf(CEM) }), 403, 'not a mailbox of somebody else')
  t.ok((await tried(browser, {})) >= 400, 'and not twice')
  const denied = new Browser()
  const asking = await authorize(denied, client)
  const [, deny = ''] =
    /<form method="post" action="([^"]*)"/.exec(await asking.response.clone().text()) ?? []
  const token = formFields(await asking.response.text()).token ?? ''
  const { url } = await denied.submit(
    new URL(deny, from),
    { token, decision: 'deny' },
    from,
    client.isMine
  )
  t.equal(url.searchParams.get('error'), 'access_denied')
})

t.test(
  'who uses another account’s mailbox is known as that everywhere, and may not end it',
  async (t) => {
    const here = await lab(t)
    const { ada, ben } = idsIn(here)
    await withBoth(here)
    const client = await OAuthClient.register(here.publicUrl)
    const { access_token: token } = await signInClient(new Browser(), client, { mailboxes: [BEN] })
    const caller = await here.bearer.verify(token)
    if (!caller) throw new Error('nobody')
    const passed = readCaller({ [CALLER_HEADER]: writeCaller(caller) })
    t.match(passed, { userId: ben, person: ada }, 'on another gateway too')
    const full = { ...caller, level: 'gmail.full' as const }
    t.equal(mostThatEnds(full), 'application')
    t.equal(mostThatEnds({ ...full, person: undefined }), 'account')
  }
)

onEach('a client uses several mailboxes; what cannot be used is left out', async (t) => {
  const here = await lab(t)
  const { ada, ben } = idsIn(here)
  await withBoth(here, 'gmail.read')
  const client = await OAuthClient.register(here.publicUrl)
  const { status, response } = await signInNone(client)
  t.equal(status, 403, 'none is no choice')
  t.match(response, 'Choose at least one mailbox')
  const { access_token: token } = await signInClient(new Browser(), client, {
    mailboxes: [BEN, ADA]
  })
  const caller = await here.bearer.verify(token)
  const several = [
    { userId: ada, email: ADA, level: 'gmail.modify' },
    { userId: ben, email: BEN, level: 'gmail.read' }
  ]
  t.match(caller, { userId: ada, level: 'gmail.modify', person: undefined, several })
  if (!caller) throw new Error('nobody')
  t.match(readCaller({ [CALLER_HEADER]: writeCaller(caller) }), { userId: ada, several })
  await here.accounts.block(ben)
  t.match(await here.bearer.verify(token), { userId: ada, several: undefined })
})

/** What comes of ticking no mailbox. */
async function signInNone(client: OAuthClient): Promise<{ status: number; response: string }> {
  const { response } = await authorize(new Browser(), client, { mailboxes: [] })
  return { status: response.status, response: await response.text() }
}

/** A clock that can be set on. */
const movable = () => {
  let ahead = 0
  const clock: Clock = { ...systemClock, now: () => Date.now() + ahead }
  const pass = (ms: number): void => {
    ahead += ms
  }
  return { clock, pass }
}

onEach('the owner lends a mailbox to somebody else, until a date', async (t) => {
  const { clock, pass } = movable()
  const here = await openSignInLab(t, { sandbox, clock })
  const { ada, ben } = idsIn(here)
  const borrower = new AccountVisitor(here.publicUrl)
  await borrower.connect(ADA)
  const owner = new AccountVisitor(here.publicUrl)
  await owner.connect(BEN)
  const loan = { address: ADA.toUpperCase(), level: 'gmail.draft', days: '7' }
  const wrong = {
    'somebody who is not here': { address: CEM },
    'an id in the place of an address': { address: ada },
    oneself: { address: BEN },
    'more than Google granted': { level: 'gmail.full' },
    'for ever': { days: '9999' }
  }
  for (const [what, changes] of Object.entries(wrong)) {
    const { response } = await owner.act('mailboxes/lend', { ...loan, ...changes })
    t.ok(response.status >= 400, what)
  }
  t.same(await here.mailboxLinks.usersOf(ben), [])
  t.match((await owner.act('mailboxes/lend', loan)).text, /<h3>ada@.*Lent until/s)
  t.match(here.noted.at(-1), { userId: ben, action: 'lend_mailbox', target: ada, requestId: /./ })
  t.match(await borrower.shown(), /<h3>ben@.*Lent until/s)

  const client = await OAuthClient.register(here.publicUrl)
  const asked = await authorize(new Browser(), client)
  t.match(await asked.response.text(), /ben@sandbox.example<small>Lent to you until/)
  const tokens = await signInClient(new Browser(), client, { mailboxes: [ADA, BEN] })
  const several = [{ userId: ada }, { userId: ben, level: 'gmail.draft' }]
  t.match(await here.bearer.verify(tokens.access_token), { userId: ada, several })

  pass(6 * 60_000)
  const late = await owner.act('mailboxes/lend', { ...loan, level: 'gmail.read' })
  t.match(late.text, 'You signed in more than five minutes ago')
  const [{ until = 0 } = {}] = await here.mailboxLinks.of(ada)
  t.equal(Math.round((until - clock.now()) / 86_400_000), 7)
  // Its week is over; tokens live ten minutes of the provider's own clock, which nobody can set on.
  await here.store.db.updateTable('mailbox_links').set({ expires_at: clock.now() }).execute()
  t.same(await here.mailboxLinks.of(ada), [], 'it ends by itself')
  t.match(await here.bearer.verify(tokens.access_token), { userId: ada, several: undefined })
  t.equal(await here.mailboxLinks.sweep(), 1)
  t.equal(await here.bearer.verify(tokens.access_token), undefined, 'and with it the connection')
  t.equal((await client.refresh(tokens.refresh_token)).error, 'invalid_grant')
})

t.test('what was chosen is forgotten with its connection', async (t) => {
  const here = await lab(t)
  await withBoth(here)
  const client = await OAuthClient.register(here.publicUrl)
  await signInClient(new Browser(), client, { mailboxes: [BEN] })
  const kept = () =>
    here.store.db.selectFrom('oauth').select('id').where('model', '=', 'Mailboxes').execute()
  t.equal((await kept()).length, 1)
  const week = { now: () => Date.now() + 40 * 86_400_000, after: () => () => {} }
  const upkeep = startUpkeep({
    ...here,
    audit: { sweep: async () => 0 },
    sends: { sweep: async () => 0 },
    clock: { ...week, monotonic: () => 0 },
    failed: (error) => t.fail(String(error))
  })
  await upkeep.sweep()
  t.same(await kept(), [])
  await upkeep.close()
})
