import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import t from 'tap'
import { startSandbox } from '../../ops/sandbox/sandbox.ts'
import { startGateway } from '../helpers/start-gateway.ts'

const ADA = 'ada@sandbox.example'
const MAIL = [
  'DKIM-Signature: v=1; d=elsewhere.example; h=from:list-unsubscribe:list-unsubscribe-post; b=x',
  'List-Unsubscribe: <https://news.test/leave/7>',
  'List-Unsubscribe-Post: List-Unsubscribe=One-Click',
  'From: News <letters@news.test>',
  'Subject: News',
  '',
  'Words.',
  ''
].join('\r\n')

t.test('a person is asked, and then the gateway leaves the list', async (t) => {
  const posted: string[] = []
  const google = await startSandbox({ users: [{ email: ADA, empty: true }] })
  const gateway = await startGateway({
    google,
    fetchOfLists: async (url, init) => {
      posted.push(`${init?.method} ${url} ${init?.body}`)
      return new Response(null, { status: 200 })
    }
  })
  const client = new Client({ name: 'test', version: '1' }, { capabilities: { elicitation: {} } })
  t.teardown(async () => {
    await client.close()
    await gateway.close()
    await google.close()
  })
  let isAgreed = false
  const asked: string[] = []
  client.setRequestHandler('elicitation/create', async ({ params }) => {
    asked.push(params.message)
    return isAgreed ? { action: 'accept', content: { agree: true } } : { action: 'decline' }
  })
  const requestInit = { headers: { authorization: `Bearer ${gateway.token}` } }
  await client.connect(new StreamableHTTPClientTransport(new URL(gateway.url), { requestInit }))
  const { id } = google.mailbox(ADA).deliver(MAIL)
  const leave = async () =>
    Object(
      (await client.callTool({ name: 'unsubscribe_email', arguments: { messageId: id } }))
        .structuredContent
    )
  t.match(await leave(), { code: 'declined' })
  t.same(posted, [])
  isAgreed = true
  t.match(await leave(), { lists: [{ status: 'unsubscribed', host: 'news.test' }] })
  t.same(posted, ['POST https://news.test/leave/7 List-Unsubscribe=One-Click'])
  t.match(asked[1], /News <letters@news\.test> \(news\.test\)/)
})
