import { once } from 'node:events'
import { get } from 'node:http'
import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import t from 'tap'
import { startSandbox } from '../../ops/sandbox/sandbox.ts'
import { Browser } from '../helpers/browser.ts'
import { answerGoogle } from '../helpers/sign-in.ts'

const PROGRAM = fileURLToPath(new URL('../../ops/stdio.ts', import.meta.url))
const ADA = 'ada@sandbox.example'

t.test(
  'one local person reads mail over stdio, signed in through a browser on a loopback port',
  async (t) => {
    const google = await startSandbox({ users: [{ email: ADA }] })
    t.teardown(() => google.close())
    const env = {
      PATH: process.env.PATH ?? '',
      HOME: t.testdir(),
      BROWSER: 'none',
      GOOGLE_CLIENT_ID: google.clientId,
      GOOGLE_CLIENT_SECRET: google.clientSecret,
      GOOGLE_ISSUER_URL: google.url,
      GMAIL_API_URL: google.url
    }
    const open = async () => {
      const protocolErrors: Error[] = []
      const transport = new StdioClientTransport({
        command: process.execPath,
        args: [PROGRAM],
        env,
        stderr: 'ignore'
      })
      const client = new Client({ name: 'test', version: '1' })
      client.onerror = (error) => protocolErrors.push(error)
      await client.connect(transport)
      const profile = async () =>
        (await client.callTool({ name: 'get_profile', arguments: {} })) as {
          isError?: boolean
          structuredContent: Record<string, string>
        }
      return { client, profile, protocolErrors }
    }

    const first = await open()
    const { tools } = await first.client.listTools()
    t.ok(tools.some(({ name }) => name === 'search_emails'))
    const refused = await first.profile()
    t.match(refused, { isError: true, structuredContent: { code: 'needs_reauth' } })
    const [link = ''] =
      /http:\/\/127\.0\.0\.1:\d+\//.exec(refused.structuredContent.message ?? '') ?? []

    const [stranger] = await once(get(link, { headers: { host: 'evil.example' } }), 'response')
    t.equal(stranger.statusCode, 403, 'another host name gets nothing')
    const browser = new Browser()
    const page = await browser.follow(link)
    const choose = { url: page.url, text: await page.response.text() }
    const isBack = (url: URL) => url.pathname === '/oauth2callback'
    const back = await answerGoogle(browser, choose, { email: ADA }, isBack)
    t.equal((await browser.fetch(back.url)).status, 200)

    t.match(await first.profile(), { structuredContent: { emailAddress: ADA } })
    t.same(first.protocolErrors, [], 'nothing but protocol is on stdout')
    await first.client.close()

    const second = await open()
    t.match(
      await second.profile(),
      { structuredContent: { emailAddress: ADA } },
      'it is remembered'
    )
    await second.client.close()
  }
)
