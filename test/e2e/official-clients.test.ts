import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport
} from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import t, { type Test } from 'tap'
import { type Sandbox, startSandbox } from '../../ops/sandbox/sandbox.ts'
import { Browser } from '../helpers/browser.ts'
import { OAuthProvider } from '../helpers/oauth-provider.ts'
import { answerGoogle, continueToGoogle, documents, openConsent } from '../helpers/sign-in.ts'
import { startGateway, type TestGateway } from '../helpers/start-gateway.ts'

const INFO = { name: 'test-assistant', version: '1.0.0' }
const METADATA_URL = 'https://assistant.example/client.json'
const provider = new OAuthProvider(METADATA_URL)
const fetchClientMetadata = documents({
  [METADATA_URL]: { client_id: METADATA_URL, ...provider.clientMetadata }
})

const google = await startSandbox()
const gateway = await startGateway({ google, connected: false, fetchClientMetadata })
t.teardown(async () => {
  await gateway.close()
  await google.close()
})

t.test('a person signs in with sdk 1.x by dynamic registration, reads and replies', async (t) => {
  const [ann] = google.users
  const oauth = new OAuthProvider()
  const open = () =>
    new StreamableHTTPClientTransport(new URL(gateway.url), { authProvider: oauth })
  await t.rejects(new Client(INFO).connect(open()), /Unauthorized/)
  const transport = open()
  const back = await consent(oauth, ann!.email)
  await transport.finishAuth(back.get('code') ?? '')
  const client = new Client(INFO)
  await client.connect(transport)
  t.teardown(() => client.close())
  await readAndReply(t, client, gateway, google, ann!.email)
})

for (const [mode, era, who] of [
  ['legacy', '2025-11-25', 0],
  ['auto', '2026-07-28', 1],
  [{ pin: '2026-07-28' }, '2026-07-28', 2]
] as const) {
  const name = typeof mode === 'string' ? mode : `${mode.pin} only`
  t.test(`a person signs in with client 2.x (${name}) by metadata document`, async (t) => {
    const { email } = google.users[who]!
    const oauth = new OAuthProvider(METADATA_URL)
    const open = () => new ModernTransport(new URL(gateway.url), { authProvider: oauth })
    const fresh = () => new ModernClient(INFO, { versionNegotiation: { mode } })
    await t.rejects(fresh().connect(open()), /Unauthorized/)
    t.equal(oauth.authorizationUrl?.searchParams.get('client_id'), METADATA_URL)
    const transport = open()
    await transport.finishAuth(await consent(oauth, email))
    const client = fresh()
    await client.connect(transport)
    t.teardown(() => client.close())
    t.equal(client.getNegotiatedProtocolVersion(), era)
    await readAndReply(t, client, gateway, google, email)
  })
}

interface AnyClient {
  listTools(): Promise<{ tools: { name: string }[] }>
  callTool(call: { name: string; arguments: Record<string, unknown> }): Promise<object>
}

/** The person's part: our consent page, then Google's. Gives what the client's redirect brings back. */
async function consent(oauth: OAuthProvider, email: string): Promise<URLSearchParams> {
  const browser = new Browser()
  const page = await openConsent(browser, oauth.authorizationUrl!)
  const atGoogle = await continueToGoogle(browser, page)
  const isMine = (url: URL) => url.origin === new URL(oauth.redirectUrl).origin
  const { url } = await answerGoogle(browser, atGoogle, { email }, isMine)
  return url.searchParams
}

async function readAndReply(
  t: Test,
  client: AnyClient,
  { url }: TestGateway,
  { mailbox }: Sandbox,
  email: string
): Promise<void> {
  const subject = `Lunch on Friday? ${new URL(url).port} ${Math.random()}`
  const asked = mailbox(email).deliver({
    from: 'Bea <bea@elsewhere.example>',
    subject,
    text: 'Shall we say noon?'
  })
  const call = async (name: string, args: Record<string, unknown>) => {
    const result = (await client.callTool({ name, arguments: args })) as Result
    t.notOk(result.isError, `${name} succeeds`, { result })
    return result.structuredContent
  }

  const { tools } = await client.listTools()
  t.ok(
    tools.some(({ name }) => name === 'reply_to_email'),
    'the tools are listed'
  )
  const found = await call('search_emails', { query: `subject:"${subject}"` })
  const [hit] = found.emails as { id: string; threadId: string; subject: string }[]
  t.match(hit, { id: asked.id, subject })
  const read = await call('read_email', { messageId: hit!.id })
  t.match(read.body, 'Shall we say noon?')
  const sent = await call('reply_to_email', { messageId: hit!.id, body: 'Noon it is.' })

  const reply = mailbox(email).message(String(sent.id))
  t.equal(reply?.threadId, asked.threadId, 'the reply is in the thread')
  t.same(
    mailbox(email)
      .threads.get(asked.threadId)
      ?.map(({ id }) => id),
    [asked.id, reply?.id]
  )
  t.ok(reply?.labelIds.has('SENT'))
}

interface Result {
  readonly isError?: boolean
  readonly structuredContent: Record<string, unknown>
}
