import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { startSandbox } from '../../ops/sandbox/sandbox.ts'
import { Browser, formFields } from '../helpers/browser.ts'
import {
  call,
  messageOf,
  modernCall,
  openSession,
  send,
  textOf,
  until,
  workersOf
} from '../helpers/mcp-http.ts'
import { ADA, answerGoogle, BEN, OAuthClient, signInClient } from '../helpers/sign-in.ts'
import { startGateway } from '../helpers/start-gateway.ts'

/** A gateway with two people who signed in by OAuth, each with a session and a worker. */
async function build(t: Test) {
  const users = [ADA, BEN].map((email) => ({ email, empty: true }))
  // So short-lived that every call asks for a new one, and Google's word counts at once.
  const google = await startSandbox({ users, accessTokenSeconds: 60 })
  const file = join(t.testdir(), 'state', 'gateway.sqlite')
  const settings = { DATABASE_URL: `sqlite:${file}` }
  const gateway = await startGateway({ google, connected: false, settings })
  t.teardown(async () => {
    await gateway.close()
    await google.close()
  })
  const client = await OAuthClient.register(gateway.origin)
  const enter = async (email: string) => {
    const tokens = await signInClient(new Browser(), client, { email })
    const endpoint = { url: gateway.url, token: tokens.access_token }
    const session = await openSession(endpoint)
    const profile = async () =>
      textOf(await messageOf(await send(endpoint, { session, body: call('get_profile') })))
    t.match(await profile(), email)
    const { sub = '' } = google.users.find((user) => user.email === email) ?? {}
    return { tokens, endpoint, session, profile, sub }
  }
  const workerOf = async (sub: string) =>
    (await workersOf(gateway)).find(({ userId }) => userId === sub)
  /** How many rows of which table name this person. */
  const rowsOf = (sub: string): string[] => {
    const database = new DatabaseSync(file, { readOnly: true })
    const tables = database.prepare("select name from sqlite_schema where type = 'table'").all()
    const found = tables.flatMap(({ name }) =>
      database
        .prepare(`select * from "${name}"`)
        .all()
        .filter((row) => Object.values(row).some((value) => String(value).includes(sub)))
        .map(() => String(name))
    )
    database.close()
    return found
  }
  const audit = () => {
    const database = new DatabaseSync(file, { readOnly: true })
    const rows = database.prepare('select actor, action, target from audit order by id').all()
    database.close()
    return rows
  }
  return {
    google,
    gateway,
    client,
    audit,
    ada: await enter(ADA),
    ben: await enter(BEN),
    workerOf,
    rowsOf
  }
}

/** What was ended, without how people came in. */
const endings = (rows: Record<string, unknown>[]) =>
  rows.filter(({ action }) => action !== 'sign_in' && action !== 'consent')

t.test('who erases the account is out at once: no token, process, row or grant', async (t) => {
  const { google, gateway, client, audit, ada, ben, workerOf, rowsOf } = await build(t)
  const worker = await workerOf(ada.sub)
  t.ok(worker && rowsOf(ada.sub).includes('google_grants'))
  const kept = rowsOf(ben.sub)

  const browser = new Browser()
  const account = new URL(`${gateway.origin}/account`)
  const first = formFields(await (await browser.fetch(account)).text())
  const asked = await browser.submit('/account/sign-in', first, account)
  const page = { url: asked.url, text: await asked.response.text() }
  await answerGoogle(browser, page, {}, () => false)
  const shown = await (await browser.fetch(account)).text()
  const { token = '' } = formFields(shown)
  const [handle = ''] = /s-[0-9a-f]{12}/.exec(shown) ?? []
  await browser.submit('/account/sessions/end', { token, handle }, account)
  t.match(endings(audit()), [{ actor: `user:${ada.sub}`, action: 'end_session', target: handle }])
  const whose = (action: string) =>
    audit().flatMap((row) => (row.action === action ? [row.actor] : []))
  t.same(new Set(whose('consent')), new Set([`user:${ada.sub}`, `user:${ben.sub}`]))
  const form = { ...formFields(await (await browser.fetch(account)).text()), confirm: 'yes' }
  const { response } = await browser.submit('/account/erase', form, account)
  t.match(await response.text(), 'Your access at Google was revoked')

  t.equal((await send(ada.endpoint, { session: ada.session, body: call('x') })).status, 401)
  t.equal((await client.refresh(ada.tokens.refresh_token)).error, 'invalid_grant')
  t.equal(await workerOf(ada.sub), undefined)
  t.throws(() => process.kill(worker?.pid ?? 0, 0), 'its process is gone')
  t.same(rowsOf(ada.sub), [])
  t.match(
    endings(audit()),
    [
      { actor: 'user', action: 'end_session', target: /^s-/ },
      { actor: 'user', action: 'erase_account', target: 'account' }
    ],
    'what was done is kept, without who'
  )
  t.same(new Set(whose('consent')), new Set(['user', `user:${ben.sub}`]))
  t.notOk(JSON.stringify(audit()).includes(ada.sub))
  t.equal(google.requests.list({ method: 'revoke', status: 200 }).length, 1)
  t.match(await ben.profile(), BEN, 'nobody else notices')
  t.same(rowsOf(ben.sub), kept)
})

t.test('when Google ends a grant, the worker ends and the client is led to sign in', async (t) => {
  const { google, client, ada, ben, workerOf, rowsOf } = await build(t)
  google.revokeGrants(ADA)
  google.expireAccessTokens(ADA)
  await (await send(ada.endpoint, { session: ada.session, body: call('get_profile') })).text()
  await until(async () => (await workerOf(ada.sub)) === undefined)
  const refused = await send(ada.endpoint, modernCall('get_profile'))
  t.equal(refused.status, 401)
  t.match(refused.headers.get('www-authenticate'), 'resource_metadata=')
  t.equal((await client.refresh(ada.tokens.refresh_token)).error, 'invalid_grant')
  t.notOk(rowsOf(ada.sub).includes('google_grants'), 'the dead grant is not kept')
  t.match(await ben.profile(), BEN)
})
