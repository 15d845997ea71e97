import t from 'tap'
import { openGmailSession } from '../../helpers/gmail-session.ts'

const BODY =
  '# Plan\n\n- **tea** at [four](https://tea.test/?a=1&b=2)\n- cake\n\n| a | b |\n|---|---|\n| 1 | 2 |'

t.test('a body in Markdown goes out as text and as HTML, with whatever tool', async (t) => {
  const session = await openGmailSession(t)
  const box = session.sandbox.mailbox(session.email)
  const { id } = box.deliver({ from: 'Bo <bo@out.test>', subject: 'Tea', text: 'Tea?' })
  const words = { body: BODY, bodyFormat: 'markdown' }
  const saved = await session.call('draft_email', {
    to: ['bo@out.test'],
    subject: 'Draft',
    body: 'x'
  })
  const made: readonly (readonly [name: string, args: Record<string, unknown>])[] = [
    ['send_email', { to: ['bo@out.test'], subject: 'Sent', ...words }],
    ['draft_email', { subject: 'Kept', ...words }],
    ['reply_to_email', { messageId: id, ...words }],
    ['reply_all', { messageId: id, asDraft: true, ...words }],
    ['forward_email', { messageId: id, to: ['cy@out.test'], ...words }],
    ['update_draft', { draftId: saved.data.draftId, ...words }]
  ]
  for (const [name, args] of made) {
    const { data, isError, text } = await session.call(name, args)
    t.notOk(isError, `${name}: ${text}`)
    const messageId = data.messageId ?? data.id
    const read = await session.call('read_email', { messageId, format: 'html' })
    t.match(read.data.body, /<h1>Plan<\/h1>[\s\S]*<strong>tea<\/strong>[\s\S]*<td>1<\/td>/, name)
    t.match(read.data.body, 'href="https://tea.test/?a=1&amp;b=2"', name)
    const raw = await session.call('read_email', { messageId, format: 'raw' })
    t.match(raw.text, /multipart\/alternative/, name)
    t.match(raw.text, '- **tea** at [four]', `${name}: the words themselves`)
  }
})

t.test('HTML inside is harmless, and a second HTML form is refused', async (t) => {
  const { call } = await openGmailSession(t)
  const body =
    'Hi <script>alert(1)</script><b onclick="x()">you</b> <img src="https://spy.test/1.gif"> [x](javascript:alert(1))'
  const letter = { to: ['bo@out.test'], subject: 'x', body, bodyFormat: 'markdown' }
  const { data } = await call('draft_email', letter)
  const raw = await call('read_email', { messageId: data.messageId, format: 'html' })
  t.match(raw.data.body, /<b>you<\/b>/)
  t.notMatch(raw.data.body, /script|onclick|spy\.test/)
  for (const more of [{ htmlBody: '<p>x</p>' }, { mimeType: 'text/html' }])
    t.match((await call('draft_email', { ...letter, ...more })).data, { code: 'invalid_argument' })
})
