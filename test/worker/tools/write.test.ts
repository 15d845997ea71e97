import PostalMime from 'postal-mime'
import t from 'tap'
import { type GmailSession, openGmailSession } from '../../helpers/gmail-session.ts'
import { hasty } from '../../helpers/hasty-clock.ts'

const BOB = 'bob@acme.test'
const sentMail = async ({ sandbox, email }: GmailSession, id: unknown) =>
  PostalMime.parse(sandbox.mailbox(email).message(String(id))?.mail.raw ?? '')
const sends = ({ reported }: GmailSession) =>
  reported.filter((each) => each.startsWith('messages.send')).length

t.test('a message reaches its recipients as it was written', async (t) => {
  const session = await openGmailSession(t)
  const { sandbox, call } = session
  const subject = '🎉 日本語 Grüße'
  const sent = await call('send_email', {
    to: '["Bob <bob@acme.test>"]',
    cc: 'c@out.test',
    bcc: ['hidden@out.test'],
    subject,
    body: 'Plain ü',
    htmlBody: '<p>Rich ü <img src="cid:logo"></p>',
    headers: { 'X-Campaign': 'one' },
    inlineImages: [{ contentId: 'logo', mimeType: 'image/png', contentBase64: 'iVBORw0KGgo=' }],
    attachments: [{ filename: 'ü.txt', contentBase64: Buffer.from('file').toString('base64') }]
  })
  t.match(sent.data, {
    sent: true,
    duplicate: false,
    labelIds: ['SENT'],
    recipients: ['bob@acme.test', 'c@out.test', 'hidden@out.test'],
    messageIdHeader: /^<.+@acme\.test>$/
  })
  const message = await sentMail(session, sent.data.id)
  t.match(message, {
    subject,
    from: { name: 'Ann Müller', address: 'ann@acme.test' },
    messageId: sent.data.messageIdHeader,
    html: /Rich ü/
  })
  t.equal(message.headers.find(({ key }) => key === 'x-campaign')?.value, 'one')
  t.same(message.attachments.map(({ filename }) => filename).toSorted(), [
    'attachment-image.png',
    'ü.txt'
  ])
  const arrived = sandbox.mailbox(BOB).bySubject(subject)
  t.ok(arrived, 'Bob has it')
  t.notMatch(arrived?.mail.raw.toString(), /hidden@/)
})

t.test('the same message is not sent twice within a minute', async (t) => {
  const session = await openGmailSession(t)
  const { call } = session
  const letter = { to: [BOB], subject: 'Once', body: 'x' }
  const [first, second] = await Promise.all([
    call('send_email', letter),
    call('send_email', letter)
  ])
  t.equal(sends(session), 1)
  t.equal(first.data.id, second.data.id)
  t.same([first.data.duplicate, second.data.duplicate], [false, true])
  t.match((await call('send_email', letter)).data, { duplicate: true, id: first.data.id })
  t.match((await call('send_email', { ...letter, body: 'y' })).data, { duplicate: false })
  const keyed = { ...letter, idempotencyKey: 'k1' }
  const one = await call('send_email', keyed)
  t.match(one.data, { duplicate: false })
  t.match((await call('send_email', keyed)).data, { duplicate: true, id: one.data.id })
  t.match((await call('send_email', { ...keyed, body: 'other' })).data, {
    code: 'invalid_argument'
  })
  t.equal(sends(session), 3)
  const dry = await call('send_email', { ...letter, subject: 'Dry', dryRun: 'true' })
  t.match(dry.data, { sent: false, dryRun: true, recipients: [BOB] })
  t.equal(sends(session), 3)
})

t.test('a send without an answer is looked for, not repeated', async (t) => {
  const session = await openGmailSession(t, { clock: hasty })
  const { sandbox, call } = session
  const letter = { to: [BOB], subject: 'Lost', body: 'x' }
  sandbox.faults.inject({ match: { method: 'messages.send' }, kind: '503', times: 1 })
  const lost = await call('send_email', letter)
  t.match(lost, {
    isError: true,
    data: { code: 'outcome_unknown', retryable: false, message: /rfc822msgid:/ }
  })
  t.equal(sends(session), 1)
  t.notOk(sandbox.mailbox(session.email).bySubject('Lost'))
  const again = await call('send_email', letter)
  t.match(again.data, { sent: true })
  const wanted = /rfc822msgid:(\S+)/.exec(String(lost.data.message))?.[1]
  t.equal(again.data.messageIdHeader, `<${wanted}>`, 'under the same Message-ID')
  sandbox.faults.inject({ match: { method: 'messages.send' }, kind: '429', times: 2 })
  t.match((await call('send_email', { ...letter, body: 'y' })).data, { sent: true })
})

t.test('injections, paths and foreign senders are refused before anything is sent', async (t) => {
  const session = await openGmailSession(t)
  const letter = { to: [BOB], subject: 'Hi', body: 'x' }
  const REFUSED: Record<string, unknown>[] = [
    { subject: 'Hi\r\nBcc: evil@out.test' },
    { subject: 'Hi\nX: y' },
    { to: ['a@x.test\r\nBcc: evil@out.test'] },
    { to: ['"x\n" <a@x.test>'] },
    { cc: ['a@x.test\nBcc: evil@out.test'] },
    { bcc: ['a@x.test\r\nX: y'] },
    { replyTo: 'a@x.test\r\nX: y' },
    { from: 'ann@acme.test\r\nX: y' },
    { from: 'boss@acme.test' },
    { headers: { 'X-A': 'b\r\nBcc: evil@out.test' } },
    { headers: { 'X-A\r\nBcc': 'evil@out.test' } },
    { headers: { Bcc: 'evil@out.test' } },
    { inReplyTo: '<a@b>\r\nBcc: evil@out.test' },
    { attachments: [{ filename: 'a\r\nX: y', contentBase64: 'eA==' }] },
    { attachments: [{ filename: 'a', mimeType: 'text/plain\r\nX: y', contentBase64: 'eA==' }] },
    { attachments: [{ filename: '/etc/passwd', contentBase64: 'eA==' }] },
    { attachments: [{ filename: 'a' }] },
    { attachments: [{ filename: 'a', contentBase64: '%%%' }] },
    { attachments: ['/etc/passwd'] },
    { attachments: [{ path: '/etc/passwd' }] },
    { to: [] },
    { to: ['nobody'] },
    { userId: 'x' },
    { storagePath: '/x' },
    { clientSecret: 'x' },
    { email: 'bob@acme.test' }
  ]
  for (const wrong of REFUSED) {
    const refused = await session.call('send_email', { ...letter, ...wrong })
    t.match(
      refused,
      { isError: true, data: { code: 'invalid_argument', message: String, retryable: false } },
      JSON.stringify(wrong)
    )
  }
  t.equal(sends(session), 0)
})

t.test('a reply threads, quotes and goes to the right people', async (t) => {
  const session = await openGmailSession(t)
  const { sandbox, email, call } = session
  const parent = sandbox.mailbox(email).deliver({
    from: 'Bo <bo@out.test>',
    subject: 'Plan für 日本',
    text: 'Shall we?\n> older',
    messageId: '<p2@out.test>',
    inReplyTo: '<p1@out.test>',
    references: '<p0@out.test> <p1@out.test>',
    headers: { 'Reply-To': 'list@out.test' }
  })
  const reply = await call('reply_to_email', {
    messageId: '<p2@out.test>',
    body: 'Yes.',
    htmlBody: '<b>Yes.</b>'
  })
  t.match(reply.data, { sent: true, threadId: parent.threadId, recipients: ['list@out.test'] })
  const sent = await sentMail(session, reply.data.id)
  t.match(sent, {
    subject: 'Re: Plan für 日本',
    inReplyTo: '<p2@out.test>',
    references: '<p0@out.test> <p1@out.test> <p2@out.test>',
    text: /^Yes\.\r?\n\r?\nOn .* Bo <bo@out\.test> wrote:\r?\n> Shall we\?\r?\n>> older/,
    html: /<b>Yes\.<\/b>.*gmail_quote.*Shall we\?/s
  })
  const again = await call('reply_to_email', {
    messageId: reply.data.id,
    body: 'Also this',
    quoteOriginal: false
  })
  t.match(again.data, { threadId: parent.threadId, recipients: ['list@out.test'] })
  const second = await sentMail(session, again.data.id)
  t.equal(second.subject, 'Re: Plan für 日本', 'one Re: is enough')
  t.equal(second.references?.split(' ').length, 4)
  const draft = await call('reply_to_email', {
    messageId: parent.id,
    body: 'Later',
    asDraft: true,
    cc: ['c@out.test']
  })
  t.match(draft.data, { draftId: String, sent: false, threadId: parent.threadId })
  t.equal(sandbox.mailbox(email).drafts.length, 1)
  const missing = await call('reply_to_email', { messageId: 'ffffffffffffffff', body: 'x' })
  t.match(missing.data, { code: 'not_found' })
})

t.test('a draft is saved, and a message can join a thread', async (t) => {
  const session = await openGmailSession(t)
  const { sandbox, email, call } = session
  const parent = sandbox.mailbox(email).deliver({
    from: 'Bo <bo@out.test>',
    subject: 'Topic',
    text: 'x',
    messageId: '<t1@out.test>'
  })
  const draft = await call('draft_email', {
    to: [BOB],
    subject: 'Topic',
    body: 'x',
    threadId: parent.threadId
  })
  t.match(draft.data, { draftId: String, messageId: String, threadId: parent.threadId })
  t.equal(sends(session), 0)
  const joined = await call('send_email', {
    to: [BOB],
    subject: 'Re: Topic',
    body: 'y',
    inReplyTo: parent.id
  })
  t.equal(joined.data.threadId, parent.threadId)
  t.match(await sentMail(session, joined.data.id), { inReplyTo: '<t1@out.test>' })
  const forwarded = await call('send_email', {
    to: [BOB],
    subject: 'Html',
    body: '<p>only</p>',
    mimeType: 'text/html'
  })
  const html = await sentMail(session, forwarded.data.id)
  t.match(html.html, '<p>only</p>')
  t.notOk(html.text)
})

t.test('an alias and a signature are used when the account has them', async (t) => {
  const session = await openGmailSession(t)
  const { sandbox, email, call } = session
  const { accessToken } = sandbox.issueGrant(email, [
    'https://mail.google.com/',
    'https://www.googleapis.com/auth/gmail.settings.basic'
  ])
  const patched = await fetch(`${sandbox.url}/gmail/v1/users/me/settings/sendAs/${email}`, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ signature: '<b>Ann</b> of Acme' })
  })
  t.equal(patched.status, 200)
  const sent = await call('send_email', {
    to: [BOB],
    from: `Somebody Else <${email}>`,
    subject: 'Signed',
    body: 'Hi',
    includeSignature: true
  })
  const mail = await sentMail(session, sent.data.id)
  t.match(mail, { from: { name: 'Ann Müller', address: email }, text: /^Hi\s+-- \s+Ann of Acme/ })
})
