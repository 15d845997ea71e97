import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import t, { type Test } from 'tap'
import { startSandbox } from '../../ops/sandbox/sandbox.ts'
import { startGateway } from '../helpers/start-gateway.ts'

const ADA = 'ada@sandbox.example'

const google = await startSandbox({ users: [{ email: ADA, empty: true }] })
const gateway = await startGateway({ google })
t.teardown(async () => {
  await gateway.close()
  await google.close()
})

const MODES = ['legacy', { pin: '2026-07-28' }] as const

async function connect(t: Test, mode: (typeof MODES)[number]): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } })
  const requestInit = { headers: { authorization: `Bearer ${gateway.token}` } }
  await client.connect(new StreamableHTTPClientTransport(new URL(gateway.url), { requestInit }))
  t.teardown(() => client.close())
  await client.listTools() // from here on it holds answers against their schemas
  return client
}

for (const mode of MODES) {
  const era = typeof mode === 'string' ? mode : mode.pin
  t.test(`a client (${era}) writes in Markdown to somebody whom it has found`, async (t) => {
    const client = await connect(t, mode)
    const from = `Bea ${era} <bea@out.test>`
    google.mailbox(ADA).deliver({ from, subject: 'Tea', text: 'Four?' })
    const found = await client.callTool({ name: 'search_contacts', arguments: { query: 'bea' } })
    t.match(found.structuredContent, { contacts: [{ address: 'bea@out.test' }] })
    const subject = `Plan ${era}`
    const body = '# Plan\n\n- **tea** at four'
    const sent = await client.callTool({
      name: 'send_email',
      arguments: { to: ['bea@out.test'], subject, body, bodyFormat: 'markdown' }
    })
    t.match(sent.structuredContent, { sent: true, recipients: ['bea@out.test'] })
    const { id } = Object(sent.structuredContent)
    const read = async (format: string) => {
      const args = { messageId: id, format }
      return Object(
        (await client.callTool({ name: 'read_email', arguments: args })).structuredContent
      )
    }
    t.match((await read('html')).body, /<h1>Plan<\/h1>.*<strong>tea<\/strong>/s)
    t.match(
      (await read('full')).body,
      /^# Plan\s.*\*\*tea\*\* at four/s,
      'and the text as it was written'
    )
    const known = await client.callTool({ name: 'search_contacts', arguments: { query: 'bea@' } })
    t.match(known.structuredContent, { contacts: [{ address: 'bea@out.test', writtenTo: true }] })
  })
}
