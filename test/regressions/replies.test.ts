import t from 'tap'
import { startSandbox } from '../../ops/sandbox/sandbox.ts'
import { lastMessage, replySubject, threadHeadersFor } from '../../worker/gmail/reply-headers.ts'
import { type GmailSession, openGmailSession } from '../helpers/gmail-session.ts'

const HEADER_FORMS = ['decoded', 'as-written'] as const
const b = (text: string) => `=?utf-8?B?${Buffer.from(text).toString('base64')}?=`

/** A session with a mailbox whose API hands header values out in one of the two ways that Gmail may. */
async function sessionWith(
  t: Parameters<typeof openGmailSession>[0],
  headers: 'decoded' | 'as-written'
) {
  const users = [{ email: 'ann@acme.test', name: 'Ann', empty: true }]
  const sandbox = await startSandbox({ users, headers })
  t.teardown(() => sandbox.close())
  return openGmailSession(t, { sandbox, email: 'ann@acme.test' })
}

const deliver = ({ sandbox, email }: GmailSession, ...lines: readonly string[]) =>
  sandbox.mailbox(email).deliver(['Subject: x', ...lines, '', 'text'].join('\r\n'))

const headOf = ({ sandbox, email }: GmailSession, id: unknown) =>
  (sandbox.mailbox(email).message(String(id))?.mail.raw.toString('latin1') ?? '')
    .split('\r\n\r\n')[0]
    ?.replace(/\r\n[ \t]+/g, ' ') ?? ''

// RFC 5322, section 3.6.3, says whom an answer goes to; RFC 2047, section 5, that names are no addresses.
for (const form of HEADER_FORMS)
  t.test(
    `an answer reaches the addresses of the message and nobody else, headers ${form}`,
    async (t) => {
      const session = await sessionWith(t, form)
      const answer = async (tool: string, ...lines: readonly string[]) => {
        const { id } = deliver(session, ...lines)
        return session.call(tool, { messageId: id, body: 'x', dryRun: true })
      }
      for (const [lines, recipients] of [
        [[`From: ${b('Eva <eva@other.test>, Real')} <real@out.test>`], ['real@out.test']],
        [['From: =?utf-8?q?mallory=40evil.test=2C_Alice?= <alice@out.test>'], ['alice@out.test']],
        [['From: =?utf-8?q?M=C3=BCller=2C_Hans?= <hans@out.test>'], ['hans@out.test']],
        [['From: =?utf-8?q?eva=40other.test_=28?= <real@out.test>'], ['real@out.test']],
        [['From: cron@out.test (Cron Daemon)'], ['cron@out.test']],
        [['From: Team: a@out.test, "B, C" <b@out.test>;'], ['a@out.test', 'b@out.test']],
        [
          ['Return-Path: <>', 'From: Mail Delivery System <MAILER-DAEMON@out.test>'],
          ['MAILER-DAEMON@out.test']
        ],
        [['From: Bob <bob@out.test> Bobby <bobby@out.test>'], ['bob@out.test']],
        [['From: a@out.test', 'Reply-To: nobody-here'], ['a@out.test']],
        [
          ['From: a@out.test', 'Reply-To: "x" <b@out.test>, c@out.test'],
          ['b@out.test', 'c@out.test']
        ]
      ] as const)
        t.same((await answer('reply_to_email', ...lines)).data.recipients, recipients, lines[0])
      for (const [lines, recipients] of [
        [
          [
            'From: Bob <bob@out.test>',
            'Cc: =?utf-8?q?mallory=40evil.test=2C_Carol?= <carol@out.test>'
          ],
          ['bob@out.test', 'carol@out.test']
        ],
        [
          [
            'From: bob@out.test',
            'To: ann+shop@acme.test, undisclosed-recipients:;',
            'Cc: BOB@out.test'
          ],
          ['bob@out.test']
        ],
        [
          [
            'From: bob@out.test',
            `To: ${b('Lindqvist, Maya')} <maya@out.test>, ${b('Sjö, Eva')} <eva@out.test>`
          ],
          ['bob@out.test', 'maya@out.test', 'eva@out.test']
        ]
      ] as const)
        t.same((await answer('reply_all', ...lines)).data.recipients, recipients, lines.join())
    }
  )

t.test('a sender is shown as the one person that the message names', async (t) => {
  for (const form of HEADER_FORMS) {
    const session = await sessionWith(t, form)
    const { id } = deliver(session, `From: ${b('Eva <eva@other.test>, Real')} <real@out.test>`)
    t.match((await session.call('read_email', { messageId: id })).data, {
      from: '"Eva <eva@other.test>, Real" <real@out.test>'
    })
  }
})

t.test('an entry that is no address is named and stops nothing', async (t) => {
  const session = await sessionWith(t, 'decoded')
  const { id } = deliver(session, 'From: bob@out.test', 'To: /O=ORG/CN=EVA, carl@out.test')
  const args = { messageId: id, body: 'x', dryRun: true }
  const answer = await session.call('reply_all', args)
  t.match(answer.data, {
    recipients: ['bob@out.test', 'carl@out.test'],
    notReached: ['/O=ORG/CN=EVA'],
    untrusted: /recipients, notReached/
  })
  t.match(answer.text, /No address, so not written to: \/O=ORG\/CN=EVA/)
  const nobody = deliver(session, 'From: MAILER-DAEMON')
  const refused = await session.call('reply_to_email', { ...args, messageId: nobody.id })
  t.match(refused.data, { code: 'invalid_argument', message: /no sender that could be answered/ })
  t.match(refused.text, /<untrusted-mail-[0-9a-f]+>\nMAILER-DAEMON\n/)
  const added = await session.call('reply_to_email', {
    ...args,
    messageId: nobody.id,
    cc: 'c@out.test'
  })
  t.match(added.data, { recipients: ['c@out.test'], notReached: ['MAILER-DAEMON'] })
})

t.test('recipients are named in the text of a dry run, and look-alikes pointed out', async (t) => {
  const session = await sessionWith(t, 'decoded')
  const dry = await session.call('send_email', {
    to: ['"Doe, Jo" <jo@out.test>'],
    cc: ['c@exаmple.com'],
    bcc: ['h@out.test'],
    subject: 's',
    body: 'b',
    dryRun: true
  })
  for (const line of ['\nTo: jo@out.test\n', '\nCc: c@exаmple.com\n', '\nBcc: h@out.test\n'])
    t.ok(dry.text.includes(line), line)
  for (const words of ['xn--exmple-4nf.com', 'Warning']) t.match(dry.text, words)
  t.match(dry.data, { lookAlikes: [/Latin and Cyrillic/] })
  t.equal(
    (await session.call('send_email', { bcc: ['h@out.test'], subject: 's', body: 'b' })).data.sent,
    true
  )
  t.match((await session.call('send_email', { subject: 's', body: 'b' })).data, {
    code: 'invalid_argument',
    message: /no recipient/
  })
})

// RFC 5322, section 3.6.4: the field holds the contents of the parent's; nothing is compared but letters.
t.test('Message-IDs of any shape are repeated as they are', async (t) => {
  const session = await sessionWith(t, 'decoded')
  for (const id of [
    '<20261116.ABC123.JavaMail>',
    '<abc def@out.test>',
    '<[abc]$x$(y)@[10.0.0.1]>',
    '<a@b@out.test>',
    'no-brackets@out.test',
    `<${'x'.repeat(600)}@out.test>`
  ]) {
    const { id: messageId } = deliver(
      session,
      'From: bob@out.test',
      `Message-ID: ${id}`,
      'References: <r 1> <r2>'
    )
    const { data } = await session.call('reply_to_email', { messageId, body: 'x', asDraft: true })
    const head = headOf(session, data.messageId)
    t.ok(head.includes(`In-Reply-To: ${id}\r\n`), id.slice(0, 40))
    t.ok(head.includes(`References: <r 1> <r2> ${id}\r\n`), head.slice(0, 300))
    const found = await session.call('read_email', {
      messageId: id.startsWith('<') ? id : `<${id}>`
    })
    if (!id.includes(' ') && id.startsWith('<'))
      t.equal(found.data.id, messageId, 'and found by it')
  }
  const long = deliver(session, 'From: bob@out.test', `Message-ID: <${'x'.repeat(3000)}@out.test>`)
  const left = await session.call('reply_to_email', {
    messageId: long.id,
    body: 'x',
    asDraft: true
  })
  t.equal(left.isError, false, 'one that no line can hold is left out')
  t.notMatch(headOf(session, left.data.messageId), /^In-Reply-To/m)
  const headers = [{ name: 'Message-ID', value: '<a\u0000b@x>\r\nBcc: e@evil.test' }]
  t.same(threadHeadersFor({ payload: { headers } }).references, [], 'nothing begins a header')
})

t.test('drafts and mail in the bin are no parents, and are called what they are', async (t) => {
  const session = await sessionWith(t, 'decoded')
  const { sandbox, email, call } = session
  const box = sandbox.mailbox(email)
  const first = deliver(session, 'From: bob@out.test', 'Message-ID: <1@out.test>')
  const second = deliver(
    session,
    'From: bob@out.test',
    'Message-ID: <2@out.test>',
    'References: <1@out.test>',
    'In-Reply-To: <1@out.test>'
  )
  t.equal(second.threadId, first.threadId)
  await call('trash_email', { messageId: second.id })
  const draft = await call('draft_email', { subject: 'x', body: 'mine', threadId: first.threadId })
  t.match(headOf(session, draft.data.messageId), /^In-Reply-To: <1@out.test>$/m)
  const thread = await call('get_thread', { threadId: first.threadId })
  t.match(thread.text, /message \S+ \(in the bin/)
  t.match(thread.text, /message \S+ \(draft, not sent/)
  t.match(thread.data, { needsReplyFrom: 'me' })
  const found = await call('search_threads', { query: 'subject:x' })
  t.match(found.data, { threads: [{ messageCount: 2, draftCount: 1 }] })
  t.match(found.text, /1 unsent draft/)
  t.notMatch(found.text, /mine/)
  t.match((await call('search_emails', { query: 'in:draft' })).text, /\| draft, not sent/)
  t.match(
    (await call('read_email', { messageId: String(draft.data.messageId) })).text,
    /This message is: draft, not sent/
  )
  const refused = await call('reply_to_email', {
    messageId: String(draft.data.messageId),
    body: 'x'
  })
  t.match(refused.data, { code: 'invalid_argument', message: /draft that was not sent/ })
  await call('trash_email', { messageId: first.id })
  const all = lastMessage({
    messages: box.messages.map(({ id, labelIds }) => ({ id, labelIds: [...labelIds] })).toReversed()
  })
  t.ok([first.id, second.id].includes(all?.id ?? ''), 'where all is in the bin, the last of it')
})

// RFC 5322, section 3.6.5: one "Re: "; other languages have their own (Outlook's AW:, SV:, Antw: …).
t.test('a subject that says answer is not made to say it twice', (t) => {
  const subjectOf = (value: string) =>
    replySubject({ payload: { headers: [{ name: 'Subject', value }] } })
  for (const kept of [
    'AW: Angebot',
    'Re[2]: x',
    'RE : x',
    'Antw: x',
    'SV: x',
    '回复: x',
    '答复：x',
    'Odp: x',
    'R: x',
    'R\u00e9f : x',
    'Odg: x',
    '\u05d4\u05e9\u05d1: x',
    '\u0631\u062f: x',
    'Tr\u1ea3 l\u1eddi: x'
  ])
    t.equal(subjectOf(kept), kept)
  for (const [value, made] of [
    ['Reply', 'Re: Reply'],
    ['Real: x', 'Re: Real: x'],
    ['', 'Re: ']
  ] as const)
    t.equal(subjectOf(value), made)
  t.end()
})

t.test('what was permanent must be confirmed, and what came back says where it is', async (t) => {
  const session = await sessionWith(t, 'decoded')
  const { sandbox, email, call } = session
  const { id } = deliver(session, 'From: bob@out.test')
  for (const [name, args] of [
    ['delete_email', { messageId: id }],
    ['batch_delete_emails', { messageIds: [id] }]
  ] as const) {
    const refused = await call(name, args)
    t.match(refused.data, { code: 'declined', message: /confirm true/ }, name)
    t.ok(sandbox.mailbox(email).message(id), 'nothing is gone')
  }
  await call('trash_email', { messageId: id })
  const back = await call('untrash_email', { messageId: id })
  t.match(back.data, { restored: [id], notInInbox: [id] })
  t.match(back.text, /Not in the inbox/)
})

// Gmail's documentation of sendAs.verificationStatus: "pending" is an address whose owner has not agreed yet.
t.test('an alias is oneself once it is confirmed', async (t) => {
  const session = await sessionWith(t, 'decoded')
  const box = session.sandbox.mailbox(session.email)
  box.addAlias({ email: 'sales@acme.test' })
  box.addAlias({ email: 'boss@other.test', isPending: true })
  const { id } = deliver(session, 'From: a@out.test', 'To: sales+x@acme.test, boss@other.test')
  const answer = await session.call('reply_all', { messageId: id, body: 'x', dryRun: true })
  t.same(answer.data.recipients, ['a@out.test', 'boss@other.test'])
})

t.test('a sender whose domain mixes scripts is pointed out', async (t) => {
  const session = await sessionWith(t, 'decoded')
  const { id, threadId } = deliver(session, 'From: PayPal <service@pаypal.com>')
  const read = await session.call('read_email', { messageId: id })
  t.match(read.data, {
    lookAlikes: ['service@pаypal.com (xn--pypal-4ve.com) mixes Latin and Cyrillic letters']
  })
  t.match(read.text, 'Warning: the sender')
  t.match((await session.call('get_thread', { threadId })).text, 'xn--pypal-4ve.com')
})

t.test('a message that nobody can read can be answered', async (t) => {
  const session = await sessionWith(t, 'decoded')
  const html = `<p>first</p>${'<table><tr><td>'.repeat(200_000)}`
  const { id } = deliver(session, 'From: a@out.test', 'Content-Type: text/html', '', html)
  const args = { messageId: id, body: 'x', dryRun: true }
  t.match((await session.call('reply_to_email', args)).data, { recipients: ['a@out.test'] })
})

t.test('a draft is no parent, however it is named', async (t) => {
  const { call } = await sessionWith(t, 'decoded')
  const draft = await call('draft_email', { to: ['b@out.test'], subject: 'x', body: 'mine' })
  const answer = await call('send_email', {
    to: ['b@out.test'],
    subject: 'x',
    body: 'x',
    inReplyTo: draft.data.messageId
  })
  t.match(answer.data, { code: 'invalid_argument', message: /draft that was not sent/ })
})
