import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import axe from 'axe-core'
import { chromium, type Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { OAuthClient, openSignInLab } from '../../helpers/sign-in.ts'

// What only a real browser enforces: content security policy along redirects, the Origin of forms,
// SameSite cookies, and what becomes of a popup's opener.
const CHROMIUM = '/usr/bin/chromium'
const skip = existsSync(CHROMIUM) ? false : `${CHROMIUM} is not installed`

/** A web client: its page opens the sign-in in a popup, and its callback page tells the opener. */
async function serveWebClient(t: Test) {
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'text/html')
    response.end(
      request.url?.startsWith('/callback')
        ? '<script>opener?.postMessage(location.search, "*")</script>signed in'
        : '<script>addEventListener("message", (e) => { document.title = e.data })</script>'
    )
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Pictures of every page in both colour schemes, for people to look at after a run. */
const PICTURES = fileURLToPath(new URL('../../../.tap/screenshots/', import.meta.url))

/**
 * Takes pictures of a page, and tells what axe-core finds wrong with it: WCAG 2.2 A and AA, and its best practices. The
 * page's own policy lets no foreign script in, so the rules run in a world beside the page's.
 */
async function look(t: Test, page: Page, name: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    await page.screenshot({ path: `${PICTURES}${name}-${colorScheme}.png`, fullPage: true })
    await page.evaluate(axe.source)
    const found = await page.evaluate(
      `axe.run().then(({ violations, passes }) => ({
        passed: passes.length,
        wrong: violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html))
      }))`
    )
    const { passed, wrong } = found as { passed: number; wrong: string[] }
    t.same(wrong, [], `${name}, ${colorScheme}`)
    t.ok(passed > 5, 'there was something to look at')
  }
  const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
  t.ok(Number(overflow) <= 0, `${name}: nothing has to be scrolled sideways`, { overflow })
}

t.test('a person signs a client in, looks at the account and declines', { skip }, async (t) => {
  const lab = await openSignInLab(t)
  for (const [handle, clientName] of [
    ['s-1', 'claude-code'],
    ['s-2', 'A client with a rather long name of its own, version 12.34.56-beta.7']
  ] as const) {
    const times = { createdAt: Date.now() - 86_400_000, lastSeenAt: Date.now() }
    lab.sessions.push({ handle, clientId: 'personal-token', clientName, ...times })
  }
  const home = await serveWebClient(t)
  const client = await OAuthClient.register(lab.publicUrl, {}, `${home}/callback`)
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
  t.teardown(() => browser.close())
  const context = await browser.newContext()
  context.setDefaultTimeout(15_000)
  const complaints: string[] = []
  context.on('console', (message) => {
    if (/Content Security Policy|Refused/.test(message.text())) complaints.push(message.text())
  })

  const opener = await context.newPage()
  await opener.goto(home)
  const opened = context.waitForEvent('page')
  await opener.evaluate(`void window.open(${JSON.stringify(client.authorizeUrl().href)})`)
  const popup = await opened
  await look(t, popup, 'consent')
  await popup.getByRole('button', { name: 'Continue with Google' }).click()
  await popup.getByRole('button', { name: 'Continue' }).click()
  await popup.waitForURL(/\/callback\?code=/)
  await opener.waitForFunction('document.title.includes("code=")')
  const code = new URLSearchParams(await opener.title()).get('code') ?? ''
  t.equal((await client.exchange(code)).status, 200, 'the popup told its opener')

  const page = await context.newPage()
  await page.goto(`${lab.publicUrl}/account`)
  await look(t, page, 'account-signed-out')
  await page.getByRole('button', { name: 'Sign in with Google' }).click()
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.waitForURL(/\/account$/)
  t.equal(await page.getByRole('button', { name: 'Disconnect Test client' }).count(), 1)
  await look(t, page, 'account')
  await page.getByLabel('Name', { exact: true }).fill('laptop')
  await page.getByRole('button', { name: 'Create a token' }).click()
  t.match(String(await page.locator('code').first().textContent()), /^mcp_token_/)
  await look(t, page, 'token-made')

  await page.goto(client.authorizeUrl().href)
  await page.getByRole('button', { name: 'Continue with Google' }).click()
  await page.getByRole('button', { name: 'Cancel' }).click()
  await look(t, page, 'declined-at-google')
  await page.getByRole('button', { name: 'Back to the application' }).click()
  await page.waitForURL(/\/callback\?error=access_denied/)

  await page.goto(client.authorizeUrl().href)
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.waitForURL(/\/callback\?error=access_denied/)
  t.same(complaints, [])

  const narrow = await browser.newContext({ viewport: { width: 360, height: 740 } })
  const phone = await narrow.newPage()
  await phone.goto(lab.publicUrl)
  await look(t, phone, 'front-on-a-phone')
  await phone.goto(client.authorizeUrl().href)
  await look(t, phone, 'consent-on-a-phone')
  await phone.goto(`${lab.publicUrl}/account`)
  await phone.getByRole('button', { name: 'Sign in with Google' }).click()
  await phone.getByRole('button', { name: 'Continue' }).click()
  await phone.waitForURL(/\/account$/)
  await look(t, phone, 'account-on-a-phone')
  await phone.getByRole('link', { name: 'How to connect' }).click()
  await phone.waitForURL(`${lab.publicUrl}/`)
})

t.test(
  'the front door shows how to connect, with a script and without one',
  { skip },
  async (t) => {
    const lab = await openSignInLab(t)
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
    t.teardown(() => browser.close())
    const context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] })
    context.setDefaultTimeout(15_000)
    const page = await context.newPage()
    await page.goto(lab.publicUrl)
    await look(t, page, 'front')
    await page.getByRole('button', { name: 'Copy the address' }).click()
    await page.getByRole('button', { name: 'Copy the address' }).getByText('Copied').waitFor()
    t.equal(await page.evaluate('navigator.clipboard.readText()'), lab.resource)

    const forgotten = new OAuthClient(lab.publicUrl, 'gone', 'http://127.0.0.1:1/callback')
    await page.goto(forgotten.authorizeUrl().href)
    await look(t, page, 'client-forgotten')

    const plain = await browser.newContext({ javaScriptEnabled: false })
    const quiet = await plain.newPage()
    await quiet.goto(lab.publicUrl)
    t.equal(await quiet.getByRole('button').count(), 0, 'no button that would do nothing')
    t.ok(await quiet.getByText(lab.resource, { exact: true }).isVisible())
  }
)
