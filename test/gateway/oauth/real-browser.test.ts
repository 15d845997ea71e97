import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
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

async function picture(page: Page, name: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    await page.screenshot({ path: `${PICTURES}${name}-${colorScheme}.png`, fullPage: true })
  }
}

t.test('a person signs a client in, looks at the account and declines', { skip }, async (t) => {
  const lab = await openSignInLab(t)
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
  await picture(popup, 'consent')
  await popup.getByRole('button', { name: 'Continue with Google' }).click()
  await popup.getByRole('button', { name: 'Continue' }).click()
  await popup.waitForURL(/\/callback\?code=/)
  await opener.waitForFunction('document.title.includes("code=")')
  const code = new URLSearchParams(await opener.title()).get('code') ?? ''
  t.equal((await client.exchange(code)).status, 200, 'the popup told its opener')

  const page = await context.newPage()
  await page.goto(`${lab.publicUrl}/account`)
  await picture(page, 'account-signed-out')
  await page.getByRole('button', { name: 'Sign in with Google' }).click()
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.waitForURL(/\/account$/)
  t.equal(await page.getByRole('button', { name: 'Disconnect Test client' }).count(), 1)
  await picture(page, 'account')
  await page.getByLabel('Name').fill('laptop')
  await page.getByRole('button', { name: 'Create a token' }).click()
  t.match(String(await page.locator('code').first().textContent()), /^mcp_token_/)
  await picture(page, 'token-made')

  await page.goto(client.authorizeUrl().href)
  await page.getByRole('button', { name: 'Continue with Google' }).click()
  await page.getByRole('button', { name: 'Cancel' }).click()
  await picture(page, 'declined-at-google')
  await page.getByRole('button', { name: 'Back to the application' }).click()
  await page.waitForURL(/\/callback\?error=access_denied/)

  await page.goto(client.authorizeUrl().href)
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.waitForURL(/\/callback\?error=access_denied/)
  t.same(complaints, [])

  const narrow = await browser.newContext({ viewport: { width: 360, height: 740 } })
  const phone = await narrow.newPage()
  await phone.goto(client.authorizeUrl().href)
  const overflow = await phone.evaluate('document.documentElement.scrollWidth - innerWidth')
  t.ok(Number(overflow) <= 0, 'nothing has to be scrolled sideways on a phone', { overflow })
  await picture(phone, 'consent-on-a-phone')
})
