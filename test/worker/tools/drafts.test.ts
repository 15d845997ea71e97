import PostalMime from 'postal-mime'
import t from 'tap'
import { type GmailSession, openGmailSession } from '../../helpers/gmail-session.ts'

const BOB = 'bob@acme.test'
const stored = async ({ sandbox, email }: GmailSession, id: unknown) =>
  PostalMime.parse(sandbox.mailbox(email).message(String(id))?.mail.raw ?? '')

t.test('a draft is listed, read, changed with all that it had, and sent once', async (t) => {
  const session = await openGmailSession(t)
  const { sandbox, email, call, reported } = session
  const parent = sandbox.mailbox(email).deliver({
    from: 'Bo <bo@out.test>',
    subject: 'Topic ü',
    text: 'x',
    messageId: '<t1@out.test>'
  })
  const made = await call('reply_to_email', {
    messageId: parent.id,
    body: 'First ü',
    quoteOriginal: false,
    bcc: [BOB],
    asDraft: 'true',
    attachments: [{ filename: 'ü.txt', contentBase64: Buffer.from('file').toString('base64') }]
  })
  const { draftId } = made.data
  t.match((await call('list_drafts')).data, {
    drafts: [{ draftId, subject: 'Re: Topic ü', to: ['"Bo" <bo@out.test>'].slice(1) }]
  })
  const changed = await call('update_draft', { draftId, body: 'Second ü', cc: ['c@out.test'] })
  t.match(changed.data, {
    draftId,
    threadId: parent.threadId,
    recipients: ['bo@out.test', 'c@out.test', BOB]
  })
  const read = await call('get_draft', { draftId })
  t.match(read.data, {
    draftId,
    subject: 'Re: Topic ü',
    body: 'Second ü',
    attachments: [{ filename: 'ü.txt' }]
  })
  t.match(await stored(session, changed.data.messageId), {
    inReplyTo: '<t1@out.test>',
    references: '<t1@out.test>',
    attachments: { length: 1 }
  })
  const [{ partId }] = Object(read.data.attachments)
  await call('update_draft', { draftId, removeAttachments: [partId], subject: 'Re: Topic ü' })
  t.match((await call('get_draft', { draftId })).data, { attachments: [], body: 'Second ü' })
  const sent = await call('send_draft', { draftId, archiveThread: true, addLabelIds: ['STARRED'] })
  t.match(sent.data, { sent: true, threadId: parent.threadId })
  t.ok(sandbox.mailbox(BOB).bySubject('Re: Topic ü'), 'the hidden recipient has it')
  t.notOk(sandbox.mailbox(email).message(parent.id)?.labelIds.has('INBOX'))
  t.ok(sandbox.mailbox(email).message(String(sent.data.id))?.labelIds.has('STARRED'))
  t.equal(reported.filter((each) => each.startsWith('drafts.send')).length, 1)
  t.match((await call('send_draft', { draftId })).data, { code: 'not_found' })
})

t.test('a draft that is HTML only stays so; a deleted one is gone', async (t) => {
  const session = await openGmailSession(t)
  const { call } = session
  const made = await call('draft_email', {
    to: [BOB],
    subject: 'Rich',
    body: '<p>Hi</p>',
    mimeType: 'text/html'
  })
  const { draftId } = made.data
  const changed = await call('update_draft', { draftId, subject: 'Richer' })
  const mail = await stored(session, changed.data.messageId)
  t.match(mail, { subject: 'Richer', html: /<p>Hi<\/p>/ })
  t.notOk(mail.text)
  t.match((await call('delete_draft', { draftId })).data, { deleted: true })
  t.match((await call('list_drafts')).data, { drafts: [] })
  for (const name of ['get_draft', 'update_draft', 'send_draft', 'delete_draft'])
    t.match((await call(name, { draftId })).data, { code: 'not_found' }, name)
  t.match((await call('get_draft', { draftId: '../x' })).data, { code: 'invalid_argument' })
})

t.test('everybody is answered once, and not oneself', async (t) => {
  const session = await openGmailSession(t)
  const { sandbox, email, call } = session
  const { id, threadId } = sandbox.mailbox(email).deliver({
    from: 'Bo <bo@out.test>',
    to: 'Ann <ANN@acme.test>, "Doe, J" <j@out.test>, bo@out.test',
    cc: 'K <k@out.test>, j@out.test, l@out.test',
    subject: 'All',
    text: 'x',
    messageId: '<all@out.test>'
  })
  const answered = await call('reply_all', {
    messageId: id,
    body: 'y',
    removeRecipients: ['l@out.test']
  })
  t.match(answered.data, { recipients: ['bo@out.test', 'j@out.test', 'k@out.test'], threadId })
  t.match(await stored(session, answered.data.id), {
    to: [{ address: 'bo@out.test' }, { name: 'Doe, J', address: 'j@out.test' }],
    cc: [{ address: 'k@out.test' }]
  })
})

t.test('a message is forwarded with its words and files, or whole', async (t) => {
  const session = await openGmailSession(t)
  const { sandbox, email, call } = session
  const { id } = sandbox.mailbox(email).deliver({
    from: 'Bo <bo@out.test>',
    subject: 'Report',
    text: 'See the file',
    html: '<p>See the <b>file</b></p><script>x()</script>',
    attachments: [{ filename: 'ü.pdf', mimeType: 'application/pdf', content: Buffer.from('pdf') }]
  })
  const forwarded = await call('forward_email', { messageId: id, to: [BOB], body: 'FYI' })
  const mail = await stored(session, forwarded.data.id)
  t.match(mail, {
    subject: 'Fwd: Report',
    text: /^FYI\s+-+ Forwarded message -+\s+From: Bo <bo@out\.test>.*See the file/s,
    attachments: [{ filename: 'ü.pdf', mimeType: 'application/pdf' }]
  })
  const rich = await call('forward_email', {
    messageId: id,
    to: [BOB],
    body: 'FYI',
    htmlBody: '<i>FYI</i>',
    includeAttachments: false
  })
  const html = await stored(session, rich.data.id)
  t.match(html.html, /<i>FYI<\/i>.*See the <b>file<\/b>/s)
  t.notMatch(html.html, /x\(\)/)
  t.equal(html.attachments.length, 0)
  const whole = await call('forward_email', { messageId: id, to: [BOB], asAttachment: true })
  const outer = sandbox.mailbox(email).message(String(whole.data.id))?.mail.raw.toString() ?? ''
  t.match(outer, /Content-Type: message\/rfc822/)
  t.match(outer, /Subject: Report/)
})
