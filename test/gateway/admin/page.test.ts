import { createHash, randomBytes } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import axe from 'axe-core'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import t, { type Test } from 'tap'
import {
  call,
  endpointOf,
  fixtureWorker,
  messageOf,
  modernCall,
  openSession,
  peopleOf,
  send,
  until,
  workersOf
} from '../../helpers/mcp-http.ts'
import { isAlive } from '../../helpers/processes.ts'
import { startGateway, type TestGateway } from '../../helpers/start-gateway.ts'

const CHROMIUM = '/usr/bin/chromium'
const skip = existsSync(CHROMIUM) ? false : `${CHROMIUM} is not installed`
/** Pictures of each view in both colour schemes, for people to look at after a run. */
const PICTURES = fileURLToPath(new URL('../../../.tap/screenshots/', import.meta.url))

const VIEWS = [
  'Overview',
  'Calls',
  'Sessions',
  'People',
  'Workers',
  'Top consumers',
  'Events',
  'Audit'
]

/** A browser's context whose complaints about the page's policy, and its errors, are kept. */
async function openContext(
  browser: Browser,
  complaints: string[],
  viewport = { width: 1280, height: 800 }
): Promise<BrowserContext> {
  const context = await browser.newContext({ viewport })
  context.setDefaultTimeout(15_000)
  context.on('console', (message) => {
    if (/Content Security Policy|Refused|Trusted/.test(message.text()))
      complaints.push(message.text())
  })
  context.on('weberror', (error) => complaints.push(error.error().message))
  return context
}

async function enter(context: BrowserContext, gateway: TestGateway, token: string): Promise<Page> {
  const page = await context.newPage()
  await page.goto(gateway.opsUrl)
  await page.getByLabel('Operator’s token').fill(token)
  await page.getByRole('button', { name: 'Open' }).click()
  return page
}

const view = (page: Page, name: string) =>
  page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name }).click()

/**
 * Takes a picture in each scheme, and tells what axe-core finds wrong: WCAG 2.2 A and AA, and its best practices. What
 * is dark differs in its colours alone.
 */
async function look(
  t: Test,
  page: Page,
  name: string,
  schemes: readonly ('light' | 'dark')[] = ['light', 'dark']
): Promise<void> {
  for (const colorScheme of schemes) {
    await page.emulateMedia({ colorScheme })
    await page.screenshot({ path: `${PICTURES}operators-${name}-${colorScheme}.png` })
    await page.evaluate(axe.source)
    const found = await page.evaluate(
      `axe.run(${colorScheme === 'dark' ? "{ runOnly: ['color-contrast'] }" : ''}).then(({ violations, passes }) => ({
        passed: passes.length,
        wrong: violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html))
      }))`
    )
    const { passed, wrong } = found as { passed: number; wrong: string[] }
    t.same(wrong, [], `${name}, ${colorScheme}`)
    t.ok(passed > (colorScheme === 'dark' ? 0 : 5), 'there was something to look at')
  }
  const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
  t.ok(Number(overflow) <= 0, `${name}: nothing has to be scrolled sideways`, { overflow })
}

t.test('the operators’ page', { skip }, async (t) => {
  const directory = t.testdir()
  const operators = join(directory, 'operators.json')
  const tokens = { anna: '', rita: '', prom: '' }
  for (const name of ['anna', 'rita', 'prom'] as const)
    tokens[name] = randomBytes(32).toString('base64url')
  const write = (roles: Partial<Record<keyof typeof tokens, string>>) => {
    const entries = Object.entries(roles).map(([name, role]) => ({
      name,
      role,
      sha256: createHash('sha256')
        .update(tokens[name as keyof typeof tokens])
        .digest('hex')
    }))
    writeFileSync(operators, JSON.stringify({ operators: entries }), { mode: 0o600 })
  }
  write({ anna: 'admin', rita: 'read', prom: 'metrics' })
  const gateway = await startGateway({
    settings: { WORKER_ENTRY: fixtureWorker('tools'), OPERATORS_FILE: operators },
    google: peopleOf(4),
    reread: () => gateway.config
  })
  t.teardown(() => gateway.close())
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
  t.teardown(() => browser.close())
  const complaints: string[] = []
  const context = await openContext(browser, complaints)
  const [ann, ben] = [endpointOf(gateway, 0), endpointOf(gateway, 1)]
  const dialogOf = (page: Page) => page.getByRole('dialog')
  const rowOf = (page: Page, text: string) => page.getByRole('row').filter({ hasText: text })

  await t.test('lets nobody in without a token, and says why', async (t) => {
    const page = await enter(context, gateway, 'x'.repeat(30))
    await page.getByText('The gateway does not take this token.').waitFor()
    await page.getByLabel('Operator’s token').fill(tokens.prom)
    await page.getByRole('button', { name: 'Open' }).click()
    await page.getByText('This takes the role read.').waitFor()
    t.equal(await page.getByRole('navigation').count(), 0, 'nothing else is shown')
    await look(t, page, 'door')
    await page.close()
  })

  const page = await enter(context, gateway, tokens.anna)

  await t.test('shows a stuck call with its age, and ends it for its client', async (t) => {
    const session = await openSession(ann, 'claude-code')
    const stuck = send(ann, { session, body: call('wait', { ms: 600_000, text: '' }, 'mine') })
    await view(page, 'Calls')
    const row = rowOf(page, 'person0@example.com')
    await row.waitFor()
    t.match(await row.textContent(), /wait[\d.]+ sperson0@example\.comclaude-code/)
    // An age grows without anybody's doing.
    const ageOf = async () =>
      Number.parseFloat((await row.getByRole('cell').nth(1).textContent()) ?? '')
    const before = await ageOf()
    await until(async () => (await ageOf()) > before)
    await look(t, page, 'calls')

    // With the keyboard alone: the button, the reason, Enter.
    await row.getByRole('button', { name: /^End… / }).focus()
    await page.keyboard.press('Enter')
    const dialog = dialogOf(page)
    t.match(
      await dialog.textContent(),
      /End this call of person0@example\.com\?.*wait.*claude-code/s
    )
    await look(t, page, 'confirm')
    await page.keyboard.type('it hangs – 東京')
    await page.keyboard.press('Enter')
    const { id, error } = await messageOf(await stuck)
    t.match([id, error?.message], ['mine', /operator ended/])
    await dialog.waitFor({ state: 'hidden' })
    await row.waitFor({ state: 'detached' })
    t.match(await page.getByRole('status').textContent(), /Ended: wait of person0@example\.com/)
    await page.getByText('No call is in flight.').waitFor()

    await view(page, 'Events')
    await rowOf(page, 'operator:anna').filter({ hasText: 'kill calls' }).waitFor()
    await view(page, 'Audit')
    await rowOf(page, 'it hangs – 東京').filter({ hasText: 'operator:anna' }).waitFor()
    t.equal((await send(ann, { session, body: call('who') })).status, 200, 'the worker stays')
  })

  await t.test('ends a session, stops a worker, blocks a person', async (t) => {
    await view(page, 'Sessions')
    await rowOf(page, 'claude-code')
      .getByRole('button', { name: /^End… / })
      .click()
    await dialogOf(page).getByRole('button', { name: 'End the session' }).click()
    await page.getByText('There is no session.').waitFor()

    await view(page, 'Workers')
    const worker = rowOf(page, 'person0@example.com')
    const { pid = 0 } = (await workersOf(gateway)).find(({ userId }) => userId === ann.sub) ?? {}
    await worker.getByRole('button', { name: /^Stop… / }).click()
    await dialogOf(page).getByLabel('Now: its calls get an error').check()
    await dialogOf(page).getByRole('button', { name: 'Stop the worker' }).click()
    await worker.waitFor({ state: 'detached' })
    t.ok(pid > 0)
    t.notOk(isAlive(pid), 'the process is gone')

    await view(page, 'People')
    await page.getByRole('searchbox').fill('PERSON1')
    t.equal(await page.getByRole('row').count(), 2, 'the head, and who was searched')
    await page.getByRole('button', { name: 'Block… person1@example.com' }).click()
    await dialogOf(page).getByRole('button', { name: 'Cancel' }).click()
    t.equal((await send(ben, modernCall('who'))).status, 200, 'cancelled is not done')
    await page.getByRole('button', { name: 'Block… person1@example.com' }).click()
    await dialogOf(page).getByRole('button', { name: 'Block' }).click()
    await rowOf(page, 'person1@example.com').filter({ hasText: 'blocked' }).waitFor()
    t.equal((await send(ben, modernCall('who'))).status, 403)
    await page.getByRole('button', { name: 'Unblock… person1@example.com' }).click()
    await dialogOf(page).getByRole('button', { name: 'Unblock' }).click()
    await rowOf(page, 'person1@example.com').filter({ hasText: 'active' }).waitFor()
    await page.getByRole('searchbox').fill('')
  })

  await t.test('erases only who is named letter by letter', async (t) => {
    await page.getByRole('button', { name: 'person3@example.com', exact: true }).click()
    await dialogOf(page).getByText('Personal tokens (1)').waitFor()
    await look(t, page, 'person')
    await dialogOf(page).getByRole('button', { name: 'Erase…' }).click()
    const erase = dialogOf(page).getByRole('button', { name: 'Erase for good' })
    t.ok(await erase.isDisabled())
    await dialogOf(page).getByLabel('Type person3@example.com to go on').fill('person3@example.com')
    await erase.click()
    await rowOf(page, 'person3@example.com').waitFor({ state: 'detached' })
    t.equal((await send(endpointOf(gateway, 3), modernCall('who'))).status, 401)
  })

  await t.test('drains with a reason, and shows that it is drained', async (t) => {
    await view(page, 'Overview')
    await page.getByRole('button', { name: 'Drain…' }).click()
    await dialogOf(page).getByLabel('Reason, for the audit').fill('new disk')
    await dialogOf(page).getByRole('button', { name: 'Drain' }).click()
    await page.getByText('drained', { exact: true }).waitFor()
    t.equal((await send(ann, modernCall('who'))).status, 503)
    await page.getByRole('button', { name: 'Undrain…' }).click()
    await dialogOf(page).getByRole('button', { name: 'Undrain' }).click()
    await page.getByText(/^ready/).waitFor()
    t.match((await gateway.admin('GET', '/admin/audit?action=drain')).body, {
      entries: [{ actor: 'operator:anna', reason: 'new disk' }]
    })
  })

  await t.test('sorts by any column, with the keyboard too', async (t) => {
    await view(page, 'People')
    const head = page.getByRole('columnheader', { name: 'Person' })
    const first = () => page.getByRole('row').nth(1).getByRole('button').first().textContent()
    await page.getByText('3 people').waitFor()
    t.equal(await head.getAttribute('aria-sort'), 'ascending')
    t.equal(await first(), 'person0@example.com')
    await head.getByRole('button').focus()
    await page.keyboard.press('Enter')
    t.equal(await head.getAttribute('aria-sort'), 'descending')
    t.equal(await first(), 'person2@example.com')
  })

  await t.test('sorts what is missing last, and says when it shows not all', async (t) => {
    const { users } = (await gateway.admin('GET', '/admin/users')).body as { users: object[] }
    let n = 0
    await page.route('**/admin/users?*', (route) => {
      const some = Array.from({ length: 500 }, () => {
        n = (n % 5000) + 1 // each look is the same
        const level = n % 2 === 0 ? null : n % 3 === 0 ? 'gmail.modify' : 'gmail.readonly'
        return { ...users[0], id: String(n), email: `many${n}@example.com`, level }
      })
      return route.fulfill({ json: { users: some, nextCursor: String(n) } })
    })
    await view(page, 'Calls')
    await view(page, 'People')
    await page.getByText('There are more than these 5,000 people').waitFor()
    const head = page.getByRole('columnheader', { name: 'Level' })
    const levels = async (last: number) => [
      await page.getByRole('row').nth(1).getByRole('cell').nth(2).textContent(),
      await page.getByRole('row').nth(last).getByRole('cell').nth(2).textContent()
    ]
    await head.getByRole('button').click()
    await page.getByText('4,500 more: search, or sort by another column.').waitFor()
    await page.getByRole('searchbox').fill('many12') // many12, many120 to many129, many1200 to many1299
    t.same(await levels(111), ['gmail.modify', '–'])
    await head.getByRole('button').click()
    t.equal(await head.getAttribute('aria-sort'), 'descending')
    t.same(await levels(111), ['gmail.readonly', '–'])
    await page.getByRole('searchbox').fill('')
    await look(t, page, 'desk-many', ['light'])
    await page.unroute('**/admin/users?*')
    await page.getByText('3 people').waitFor()
    t.notOk(await page.getByText('There are more than these').isVisible())
  })

  await t.test('asks a slow gateway nothing again before it has answered', async (t) => {
    const held = Promise.withResolvers<void>()
    let asked = 0
    await page.route('**/admin/workers', async (route) => {
      asked += 1
      await held.promise
      await route.continue()
    })
    for (const title of ['Workers', 'Calls', 'Workers', 'Overview', 'Workers'])
      await view(page, title)
    t.equal(asked, 1)
    held.resolve()
    await page.getByText(/^\d+ workers?$/).waitFor()
    await page.unrouteAll({ behavior: 'wait' })
  })

  await t.test('ends no call for an empty number of seconds', async (t) => {
    await view(page, 'Calls')
    await page.getByLabel('Seconds in flight').fill('')
    await page.getByRole('button', { name: 'End all that are older…' }).click()
    t.notOk(await dialogOf(page).isVisible(), 'which is not 0 seconds')
    await page.getByLabel('Seconds in flight').fill('120')
  })

  await t.test('leaves nothing behind for whoever sits there next', async (t) => {
    const other = await enter(context, gateway, tokens.anna)
    await view(other, 'People')
    await other.getByRole('button', { name: 'person0@example.com', exact: true }).click()
    await dialogOf(other).getByText('Personal tokens').waitFor()
    await other.keyboard.press('Escape')
    const held = Promise.withResolvers<void>()
    await other.route('**/admin/users/*', async (route) => {
      await held.promise
      await route.continue().catch(() => {}) // nobody waits for it any more
    })
    await other.getByRole('button', { name: 'person1@example.com', exact: true }).click()
    await other.getByRole('button', { name: 'Sign out' }).click()
    held.resolve()
    let asked = 0
    other.on('request', () => {
      asked += 1
    })
    t.ok(await other.getByLabel('Operator’s token').isVisible())
    await other.waitForTimeout(1500) // longer than a tick of the page
    t.equal(asked, 0, 'it asks for nothing any more')
    const left = await other.evaluate<string>('document.documentElement.outerHTML + document.title')
    t.notMatch(left, /person\d@|anna|s-[0-9a-f]{12}|People/)
    t.notOk(await dialogOf(other).isVisible())
    await other.close()
  })

  await t.test('is for everybody: in light, in dark, on a phone', async (t) => {
    const session = await openSession(ann, 'a client with a rather long name of its own, 12.34.56')
    const waiting = send(ann, { session, body: call('wait', { ms: 600_000, text: '' }) })
    await (await send(ben, modernCall('who'))).text()
    const narrow = await openContext(browser, complaints, { width: 360, height: 740 })
    const phone = await enter(narrow, gateway, tokens.anna)
    for (const [name, on] of [
      ['desk', page],
      ['phone', phone]
    ] as const) {
      for (const title of VIEWS) {
        await view(on, title)
        await on
          .getByRole('region')
          .or(on.getByRole('heading', { level: 2 }))
          .first()
          .waitFor()
        const picture = `${name}-${title.toLowerCase().replaceAll(' ', '-')}`
        await look(t, on, picture, on === phone ? ['light'] : undefined)
      }
    }
    await view(phone, 'Calls')
    await phone.getByRole('button', { name: /^End… / }).click()
    await look(t, phone, 'phone-confirm')
    await dialogOf(phone).getByRole('button', { name: 'End the call' }).click()
    t.match(await messageOf(await waiting), { error: { message: /operator ended/ } })
    await narrow.close()
  })

  await t.test('keeps the token in its memory alone', async (t) => {
    const kept = await page.evaluate(
      'JSON.stringify([localStorage, sessionStorage, document.cookie, location.href, document.documentElement.outerHTML])'
    )
    t.notMatch(kept, tokens.anna)
    t.notMatch(await page.getByLabel('Operator’s token').inputValue(), tokens.anna)
    t.same(await context.cookies(), [])
  })

  await t.test('shows a reader everything and offers nothing', async (t) => {
    const reader = await enter(context, gateway, tokens.rita)
    await reader.getByText('rita, may only look').waitFor()
    await view(reader, 'People')
    await reader.getByText('3 people').waitFor()
    t.equal(await reader.getByRole('button', { name: /…/ }).count(), 0)
    await reader.getByRole('button', { name: 'person0@example.com', exact: true }).click()
    await dialogOf(reader).getByText('Personal tokens').waitFor()
    t.equal(await reader.getByRole('button', { name: /…/ }).count(), 0)
    await reader.close()
  })

  await t.test('shows what the gateway refuses, and that it does not answer', async (t) => {
    await view(page, 'Workers')
    await page.getByRole('button', { name: 'Replace all…' }).click()
    write({ anna: 'read' })
    await gateway.admin('POST', '/admin/reload')
    await dialogOf(page).getByRole('button', { name: 'Replace them' }).click()
    await dialogOf(page).getByText('This takes the role admin.').waitFor()
    await page.keyboard.press('Escape')
    await page.route('**/admin/**', (route) => route.abort())
    await view(page, 'People')
    await page.getByText('The gateway does not answer.').waitFor()
    await page.getByText('no answer', { exact: true }).waitFor()
    await look(t, page, 'no-answer')
    await page.unroute('**/admin/**')
    write({})
    await gateway.admin('POST', '/admin/reload')
    await page.getByText('The gateway does not take this token.').waitFor()
    t.ok(await page.getByLabel('Operator’s token').isVisible(), 'a token that was taken back')
  })

  await t.test('runs nothing that is not its own file', async (t) => {
    t.same(complaints, [])
    const answer = await fetch(gateway.opsUrl)
    const policy = answer.headers.get('content-security-policy') ?? ''
    for (const part of [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "frame-ancestors 'none'"
    ])
      t.match(policy, part)
    t.notMatch(policy, 'unsafe')
    t.notMatch(await answer.text(), /<script>|<style|style=|onclick/)
  })
})
