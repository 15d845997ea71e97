import PostalMime from 'postal-mime'
import t from 'tap'
import { type GmailSession, openGmailSession } from '../../helpers/gmail-session.ts'
import { hasty } from '../../helpers/hasty-clock.ts'

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
  const again = await call('send_draft', { draftId })
  t.match(again.data, {
    sent: true,
    duplicate: true,
    id: sent.data.id,
    messageIdHeader: sent.data.messageIdHeader,
    recipients: ['bo@out.test', 'c@out.test', BOB]
  })
  t.match(again.text, /had been sent already/)
  t.equal(reported.filter((each) => each.startsWith('drafts.send')).length, 1)
  const { accessToken } = sandbox.issueGrant(email, ['https://mail.google.com/'])
  await fetch(`${sandbox.url}/gmail/v1/users/me/messages/${sent.data.id}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${accessToken}` }
  })
  t.match((await call('send_draft', { draftId })).data, {
    code: 'not_found',
    message: new RegExp(`was sent as message ${sent.data.id}`)
  })
})

t.test('the same draft is saved once, for as long as it stands as it was', async (t) => {
  const session = await openGmailSession(t)
  const { sandbox, email, call } = session
  const drafts = () => sandbox.mailbox(email).drafts.length
  const letter = { to: [BOB], subject: 'Once', body: 'x' }
  const first = await call('draft_email', letter)
  t.match(first.data, { duplicate: false })
  const second = await call('draft_email', letter)
  t.same(second.data, { ...first.data, duplicate: true })
  t.match(second.text, /had been saved already/)
  t.equal(drafts(), 1)

  await call('update_draft', { draftId: first.data.draftId, body: 'y' })
  const third = await call('draft_email', letter)
  t.match(third.data, { duplicate: false }, 'the first one says something else by now')
  t.equal(drafts(), 2)
  await call('delete_draft', { draftId: third.data.draftId })
  t.match((await call('draft_email', letter)).data, { duplicate: false })
  t.equal(drafts(), 2)
})

t.test('a draft whose answer is lost is looked for, and never saved twice', async (t) => {
  const session = await openGmailSession(t, { clock: hasty })
  const { sandbox, email, call, reported } = session
  const asked = () => reported.filter((each) => each.startsWith('drafts.create')).length
  const letter = { to: [BOB], subject: 'Lost', body: 'x' }
  const lose = (afterEffect: boolean) =>
    sandbox.faults.inject({
      match: { method: 'drafts.create' },
      kind: 'reset',
      times: 1,
      afterEffect
    })
  lose(true)
  const made = await call('draft_email', letter)
  t.match(made.data, { duplicate: false, draftId: sandbox.mailbox(email).drafts[0]?.id })
  t.equal(asked(), 1)

  lose(false)
  const other = { ...letter, subject: 'Never' }
  const lost = await call('draft_email', other)
  t.match(lost.data, { code: 'outcome_unknown', message: /list_drafts.*rfc822msgid:/ })
  t.equal(asked(), 2)
  const again = await call('draft_email', other)
  t.match(again.data, { duplicate: false })
  t.match(lost.data.message, String(again.data.messageIdHeader).slice(1, -1), 'the same Message-ID')
  t.equal(sandbox.mailbox(email).drafts.length, 2)
})

t.test('a draft whose sending is in doubt is found among what was sent', async (t) => {
  const session = await openGmailSession(t, { clock: hasty })
  const { sandbox, call, reported } = session
  const { draftId } = (await call('draft_email', { to: [BOB], subject: 'Gone', body: 'x' })).data
  sandbox.faults.inject({ match: { method: 'messages.list' }, kind: '500', times: 20 })
  sandbox.faults.inject({
    match: { method: 'drafts.send' },
    kind: 'reset',
    times: 1,
    afterEffect: true
  })
  t.match((await call('send_draft', { draftId })).data, { code: 'outcome_unknown' })
  const sent = await call('send_draft', { draftId })
  t.match(sent.data, { sent: true, duplicate: true, id: String, recipients: [BOB] })
  t.equal(reported.filter((each) => each.startsWith('drafts.send')).length, 1)
  t.equal(sandbox.mailbox(BOB).messages.length, 1)
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
