import t from 'tap'
import { openOneMailbox } from '../helpers/one-mailbox.ts'

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
  const { client, mailbox, call } = await openOneMailbox(t, {
    gateway: {
      fetchOfLists: async (url, init) => {
        posted.push(`${init?.method} ${url} ${init?.body}`)
        return new Response(null, { status: 200 })
      }
    },
    client: { capabilities: { elicitation: {} } }
  })
  let isAgreed = false
  const asked: string[] = []
  client.setRequestHandler('elicitation/create', async ({ params }) => {
    asked.push(params.message)
    return isAgreed ? { action: 'accept', content: { agree: true } } : { action: 'decline' }
  })
  const { id: messageId } = mailbox.deliver(MAIL)
  const leave = () => call('unsubscribe_email', { messageId })
  t.match(await leave(), { code: 'declined' })
  t.same(posted, [])
  isAgreed = true
  t.match(await leave(), { lists: [{ status: 'unsubscribed', host: 'news.test' }] })
  t.same(posted, ['POST https://news.test/leave/7 List-Unsubscribe=One-Click'])
  t.match(asked[1], /News <letters@news\.test> \(news\.test\)/)
})
