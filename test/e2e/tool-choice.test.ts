import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import t from 'tap'
import { startSandbox } from '../../ops/sandbox/sandbox.ts'
import { Browser, formFields } from '../helpers/browser.ts'
import { answerGoogle } from '../helpers/sign-in.ts'
import { startGateway } from '../helpers/start-gateway.ts'

const ADA = 'ada@sandbox.example'

const google = await startSandbox({ users: [{ email: ADA, empty: true }] })
const gateway = await startGateway({ google, settings: { DISABLED_TOOLS: 'report_spam' } })
t.teardown(async () => {
  await gateway.close()
  await google.close()
})

/** Signs in on the account page and sends its form of tools. */
async function choose(fields: Record<string, string>): Promise<string> {
  const browser = new Browser()
  const from = new URL(`${gateway.origin}/account`)
  const first = await (await browser.fetch(from)).text()
  const visit = await browser.submit('/account/sign-in', formFields(first), from)
  const at = { url: visit.url, text: await visit.response.text() }
  await answerGoogle(browser, at, { email: ADA }, () => false)
  const { token = '' } = formFields(await (await browser.fetch(from)).text())
  const { response } = await browser.submit('/account/tools', { token, ...fields }, from)
  return response.text()
}

for (const [mode, choice, gone] of [
  ['legacy', { set: 'core' }, 'search_threads'],
  [{ pin: '2026-07-28' }, { set: 'all', modes: 'read-only' }, 'send_email']
] as const) {
  const era = typeof mode === 'string' ? mode : mode.pin
  t.test(
    `a client (${era}) hears what its person chose, and lists and calls no more`,
    async (t) => {
      const heard = Promise.withResolvers<readonly { readonly name: string }[]>()
      const client = new Client(
        { name: 'test-assistant', version: '1' },
        {
          versionNegotiation: { mode },
          listChanged: {
            tools: {
              onChanged: (error, tools) =>
                error ? heard.reject(error) : heard.resolve(tools ?? [])
            }
          }
        }
      )
      const requestInit = { headers: { authorization: `Bearer ${gateway.token}` } }
      await client.connect(new StreamableHTTPClientTransport(new URL(gateway.url), { requestInit }))
      t.teardown(() => client.close())
      const { tools } = await client.listTools()
      t.ok(tools.some(({ name }) => name === gone))
      t.notOk(tools.some(({ name }) => name === 'report_spam'))
      t.match(await choose(choice), 'What applications may use')
      const listed = await heard.promise
      t.ok(listed.length > 5)
      t.notOk(listed.some(({ name }) => name === gone))
      const refused = await client.callTool({ name: gone, arguments: { query: '' } })
      t.match(refused, {
        isError: true,
        content: [{ type: 'text', text: new RegExp(`^not_offered: .*${gateway.origin}/account`) }]
      })
      await choose({ set: 'all' })
    }
  )
}
