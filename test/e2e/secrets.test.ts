import { randomBytes } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import * as z from 'zod'
import { startSandbox } from '../../ops/sandbox/sandbox.ts'
import { Browser, formFields } from '../helpers/browser.ts'
import { openGatewayHome } from '../helpers/gateway-home.ts'
import {
  call,
  initialize,
  messageOf,
  modernCall,
  openSession,
  send,
  textOf
} from '../helpers/mcp-http.ts'
import {
  ADA,
  answerGoogle,
  continueToGoogle,
  OAuthClient,
  openConsent
} from '../helpers/sign-in.ts'

/** Words of one mail, each at a place of its own, so that a leak tells where it came from. */
const MAIL = {
  subject: 'canarysubject',
  body: 'canarybody',
  sender: 'canarysender',
  file: 'canaryfile',
  query: 'canaryquery',
  answer: 'canaryanswer'
}
/** How Google's tokens, codes and client secrets begin, and ours. */
const SHAPES = /ya29\.|\b1\/\/|4\/0A|GOCSPX|mcp_token_|eyJhbGciOiJSUzI1NiI/

const Workers = z.object({ workers: z.array(z.object({ pid: z.number() })).length(1) })

/** A gateway as it is started in production, at the most talkative level, with a person who signed in. */
async function build(t: Test) {
  const google = await startSandbox({ users: [{ email: ADA, empty: true }] })
  const adminToken = randomBytes(24).toString('base64url')
  const directory = t.testdir()
  const home = await openGatewayHome(t, {
    users: 0,
    settings: {
      ADMIN_TOKEN: adminToken,
      DATABASE_URL: `sqlite:${join(directory, 'state', 'gateway.sqlite')}`,
      GMAIL_API_URL: google.url,
      GOOGLE_CLIENT_ID: google.clientId,
      GOOGLE_CLIENT_SECRET: google.clientSecret,
      GOOGLE_ISSUER_URL: google.url,
      LOG_LEVEL: 'debug'
    }
  })
  const gateway = home.start()
  t.teardown(() => google.close())
  await gateway.said('"ready"')
  const origin = new URL(home.url).origin
  const ops = async (path: string) => {
    const headers = { authorization: `Bearer ${adminToken}` }
    return (await fetch(`${home.ops}${path}`, { headers })).text()
  }
  return { google, home, gateway, origin, ops, adminToken, state: join(directory, 'state') }
}

t.test('what is secret stays out of logs, metrics, the admin API and the database', async (t) => {
  const { google, home, gateway, origin, ops, adminToken, state } = await build(t)
  const secrets = new Set([adminToken, google.clientSecret])
  const keep = <T extends string>(secret: T): T => {
    t.ok(secret.length >= 20, 'long enough to be found')
    secrets.add(secret)
    return secret
  }

  // An application signs in, over every page there is.
  const browser = new Browser()
  const client = await OAuthClient.register(origin)
  const consent = await openConsent(browser, client.authorizeUrl())
  const atGoogle = await continueToGoogle(browser, consent)
  keep(atGoogle.url.searchParams.get('state') ?? '')
  const { url } = await answerGoogle(browser, atGoogle, {}, client.isMine)
  const code = keep(url.searchParams.get('code') ?? '')
  const first = await client.exchange(code)
  const tokens = await client.refresh(keep(first.refresh_token))
  const endpoint = { url: home.url, token: keep(tokens.access_token) }
  keep(first.access_token)
  keep(tokens.refresh_token)

  // The person makes a personal token on the account page.
  const account = new URL(`${origin}/account`)
  const form = formFields(await (await browser.fetch(account)).text())
  const asked = await browser.submit('/account/sign-in', form, account)
  const page = { url: asked.url, text: await asked.response.text() }
  await answerGoogle(browser, page, {}, () => false)
  const own = formFields(await (await browser.fetch(account)).text())
  const fields = { token: own.token ?? '', name: 'laptop', level: 'gmail.modify', hours: '1' }
  const made = await (await browser.submit('/account/tokens', fields, account)).response.text()
  const personal = keep(/mcp_token_[\w-]{43}/.exec(made)?.[0] ?? '')

  // Mail is found, read, saved and sent, in both eras.
  const { id: messageId } = google.mailbox(ADA).deliver({
    from: `Bea <${MAIL.sender}@elsewhere.example>`,
    subject: `About ${MAIL.subject}`,
    text: `The word is ${MAIL.body}.`,
    attachments: [{ filename: `${MAIL.file}.txt`, mimeType: 'text/plain', content: MAIL.body }]
  })
  const session = keep(await openSession(endpoint))
  const use = async (name: string, args: object) =>
    textOf(await messageOf(await send(endpoint, { session, body: call(name, args) })))
  t.match(await use('search_emails', { query: `${MAIL.query} OR ${MAIL.subject}` }), MAIL.subject)
  t.match(await use('read_email', { messageId }), MAIL.body)
  const saved = await use('download_attachment', { messageId, partId: '1', delivery: 'link' })
  const link = /\/attachments\/([\w-]+)/.exec(saved ?? '')?.[1] ?? ''
  t.match(await (await fetch(`${origin}/attachments/${keep(link)}`)).text(), MAIL.body)
  const answer = { messageId, body: MAIL.answer }
  t.match(await use('reply_to_email', answer), /sent/i)
  const modern = modernCall('read_email', { messageId })
  const read = await messageOf(await send({ ...endpoint, token: personal }, modern))
  t.match(textOf(read), MAIL.body)

  // And everything goes wrong.
  const wrong: Promise<Response>[] = [
    send(endpoint, { session, body: call('read_email', { messageId: MAIL.query, x: MAIL.body }) }),
    send(endpoint, { session, body: call(MAIL.query) }),
    send(endpoint, { session, body: `{"${MAIL.body}` }),
    send(endpoint, { body: { ...initialize(MAIL.query), params: { [MAIL.body]: 1 } } }),
    send({ ...endpoint, token: first.access_token.slice(1) }, { body: call('x') }),
    fetch(`${endpoint.url}?access_token=${endpoint.token}&q=${MAIL.query}`, { method: 'POST' }),
    fetch(`${origin}/oauth2callback?code=${code}&state=${MAIL.query}`),
    fetch(`${origin}/attachments/${link}`),
    fetch(`${origin}/oauth/token`, { method: 'POST', body: `code=${code}&x=${MAIL.query}` })
  ]
  for (const response of await Promise.all(wrong)) t.ok(response.status < 500, `${response.status}`)
  google.faults.inject({ match: { method: 'messages.get' }, kind: '500', times: 1 })
  await use('read_email', { messageId })
  const { workers } = Workers.parse(JSON.parse(await ops('/admin/workers')))
  const pids = process.platform === 'linux' ? [gateway.pid, ...workers.map(({ pid }) => pid)] : []
  const commands = pids.map((pid) => readFileSync(`/proc/${pid}/cmdline`))
  for (const { pid } of workers) process.kill(pid, 'SIGKILL')
  t.equal((await client.refresh(`${first.refresh_token}x`)).error, 'invalid_grant')
  google.revokeGrants(ADA)
  google.expireAccessTokens(ADA)
  await (await send({ ...endpoint, token: personal }, modern)).text()

  const scrape = await ops('/metrics')
  const admin = [
    await ops('/admin/sessions'),
    await ops('/admin/workers'),
    await ops('/ready'),
    await ops('/admin/users'),
    await ops('/admin/calls')
  ]
  gateway.kill('SIGTERM')
  t.equal(await gateway.gone, 0)
  const log = gateway.output()
  const files = globSync(join(state, '*')).map((path) => readFileSync(path, 'latin1'))
  t.ok(files.length > 0 && log.includes('worker ended'), 'there is something to look at')

  const words = [...secrets, ...Object.values(MAIL)]
  const person = [ADA, google.users[0]?.sub ?? '', '@']
  const holds = (text: string, forbidden: readonly string[]) =>
    forbidden.filter((word) => text.includes(word))
  t.same(holds(log, [...words, ...person]), [], 'the log')
  t.notMatch(log, SHAPES)
  t.same(holds(scrape, [...words, ...person]), [], 'metrics')
  t.same(holds(admin.join(), words), [], 'the admin API')
  t.notMatch(admin.join(), SHAPES)
  t.same(holds(Buffer.concat(commands).toString(), [...words, ...person]), [], 'command lines')
  t.same(holds(files.join(), words), [], 'the database file and its log')
  t.notMatch(tablesOf(join(state, 'gateway.sqlite')), SHAPES, 'every row of every table')
})

/** Every row as text; the file itself is binary and may look like anything by chance. */
function tablesOf(path: string): string {
  const database = new DatabaseSync(path, { readOnly: true })
  const tables = database.prepare("select name from sqlite_schema where type = 'table'").all()
  const rows = tables.flatMap(({ name }) => database.prepare(`select * from "${name}"`).all())
  database.close()
  return JSON.stringify(rows)
}
