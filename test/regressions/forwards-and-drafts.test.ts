import PostalMime from 'postal-mime'
import t from 'tap'
import { startSandbox } from '../../ops/sandbox/sandbox.ts'
import { type GmailSession, openGmailSession } from '../helpers/gmail-session.ts'
import { gmailOf } from '../helpers/sandbox-gmail.ts'

const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 1, 2, 3])
const CSV = Buffer.from('T\xfcr;5 \x80', 'latin1')
const ICS = [
  ...['BEGIN:VCALENDAR', 'VERSION:2.0', 'METHOD:REQUEST', 'BEGIN:VEVENT', 'UID:1@out.test'],
  ...['DTSTART:20261201T090000Z', 'SUMMARY:Größe', 'END:VEVENT', 'END:VCALENDAR', '']
].join('\r\n')

const part = (type: string, content: string | Buffer, ...headers: readonly string[]) =>
  [
    `Content-Type: ${type}`,
    'Content-Transfer-Encoding: base64',
    ...headers,
    '',
    Buffer.from(content).toString('base64')
  ].join('\r\n')
const multi = (type: string, boundary: string, ...parts: readonly string[]) =>
  [
    `Content-Type: multipart/${type}; boundary=${boundary}`,
    '',
    ...parts.flatMap((each) => [`--${boundary}`, each]),
    `--${boundary}--`,
    ''
  ].join('\r\n')
const mail = (headers: readonly string[], content: string) =>
  [...headers, 'MIME-Version: 1.0', content].join('\r\n')

/** The parser gives calendars with the line ends of this system, in a view of its bytes. */
const textOf = (content: unknown) => {
  const bytes = ArrayBuffer.isView(content) ? content.buffer : content
  return bytes instanceof ArrayBuffer ? Buffer.from(bytes).toString('latin1') : ''
}

const rawOf = ({ sandbox, email }: GmailSession, id: unknown) =>
  sandbox.mailbox(email).message(String(id))?.mail.raw ?? Buffer.alloc(0)
const flat = (raw: Buffer) => raw.toString('latin1').replace(/\r\n[ \t]+/g, ' ')

async function forwarded(session: GmailSession, raw: string, args: Record<string, unknown> = {}) {
  const { id } = session.sandbox.mailbox(session.email).deliver(raw)
  const answer = await session.call('forward_email', {
    messageId: id,
    to: ['x@out.test'],
    asDraft: true,
    ...args
  })
  const sent = rawOf(session, answer.data.messageId)
  return { answer, sent, read: await PostalMime.parse(sent), source: flat(sent) }
}

const NEWSLETTER = mail(
  ['From: Bob <bob@out.test>', 'To: ann@acme.test', 'Bcc: secret@out.test', 'Subject: Offer'],
  multi(
    'related',
    'R',
    part(
      'text/html; charset=utf-8',
      '<html><head><style>.p{color:red} body{margin:0} @import "x.css"; .q{position:fixed}</style></head><body bgcolor="#eeeeee"><table background="cid:back"><tr><td class="p">Item</td><td>7</td></tr></table><p onclick="x()">Rope <b>fine</b> <a href="https://a.test/?a=1&amp;b=2">go</a> <a href="javascript:x()">no</a></p><img src="cid:logo%401" alt="Logo"><script>x()</script></body></html>'
    ),
    part(
      'image/png; name=l.png',
      PNG,
      'Content-ID: <logo@1>',
      'Content-Disposition: inline; filename=l.png'
    ),
    part('image/png; name=back.png', PNG, 'Content-ID: <back>'),
    part('image/png; name=unseen.png', PNG, 'Content-ID: <unseen>')
  )
)

// What Gmail's own forward does: the HTML of the original below one's own words, with its pictures (RFC 2387, RFC 2392).
t.test(
  'a forward shows the original as it was, with its pictures, below the own words',
  async (t) => {
    const session = await openGmailSession(t)
    const { read, source, answer } = await forwarded(session, NEWSLETTER, { body: 'See <this>' })
    t.equal(answer.isError, false, answer.text)
    const html = read.html ?? ''
    for (const kept of [
      '<td class="p">Item</td>',
      'Rope <b>fine</b>',
      'href="https://a.test/?a=1&amp;b=2"',
      'src="cid:logo%401"',
      'bgcolor="#eeeeee"',
      '.forwarded-mail .p{color:red}',
      '.forwarded-mail{margin:0}'
    ])
      t.ok(html.includes(kept), kept)
    for (const left of ['<script', 'onclick', 'javascript:', '@import', 'position'])
      t.notOk(html.includes(left), left)
    t.ok(html.indexOf('See &lt;this&gt;') < html.indexOf('Forwarded message'), 'own words above')
    t.ok(html.indexOf('See &lt;this&gt;') > 0)
    t.match(read.text, /See <this>[\s\S]*Forwarded message[\s\S]*From: Bob <bob@out.test>/)
    t.notMatch(source, /secret@/, 'nobody learns who was copied in secret')
    t.match(read.attachments, [
      { filename: 'l.png', contentId: '<logo@1>', disposition: 'inline' },
      { filename: 'back.png', contentId: '<back>', disposition: 'inline' },
      { filename: 'unseen.png', disposition: 'attachment' }
    ])
    t.match(source, /multipart\/related/)
    const plain = await forwarded(session, NEWSLETTER, { mimeType: 'text/plain' })
    t.equal(plain.read.html, undefined, 'text alone when that is asked for')
    t.equal(plain.read.attachments.length, 3)
    const bare = await forwarded(session, NEWSLETTER, { includeAttachments: false })
    t.same(
      bare.read.attachments.map(({ filename }) => filename),
      ['l.png', 'back.png'],
      'the pictures are no attachment'
    )
  }
)

t.test('text without HTML goes on as text, and mixed parts in their order', async (t) => {
  const session = await openGmailSession(t)
  const text = await forwarded(
    session,
    mail(['From: b@out.test'], part('text/plain; charset=utf-8', 'just <words>'))
  )
  t.notMatch(text.source, /text\/html/)
  t.match(text.read.text, /just <words>/)
  const mixed = await forwarded(
    session,
    mail(
      ['From: b@out.test'],
      multi(
        'mixed',
        'M',
        part('text/plain', 'Intro <1>'),
        multi('alternative', 'A', part('text/plain', 'poor'), part('text/html', '<p>rich</p>')),
        part('text/html', '<p>After</p>'),
        part('text/plain', 'list footer')
      )
    )
  )
  const html = mixed.read.html ?? ''
  const at = ['Intro &lt;1&gt;', 'rich', 'After', 'list footer'].map((words) => html.indexOf(words))
  t.same(
    at,
    at.toSorted((a, b) => a - b)
  )
  t.ok(
    at.every((index) => index > 0),
    'all are there'
  )
  t.notMatch(html, /poor/)
})

// RFC 6047, section 2.4: the method parameter makes it an invitation. RFC 2046, section 4.1.2: charset.
t.test('files and invitations keep their bytes, names and parameters', async (t) => {
  const session = await openGmailSession(t)
  const { read, source } = await forwarded(
    session,
    mail(
      ['From: b@out.test'],
      multi(
        'mixed',
        'M',
        multi(
          'alternative',
          'A',
          part('text/plain', 'Come.'),
          part('text/calendar; charset=utf-8; method=REQUEST', ICS)
        ),
        part(
          'text/csv; charset=windows-1252; header=present; name=p.csv',
          CSV,
          'Content-Disposition: attachment; filename="p.csv"'
        ),
        part(
          'application/pdf; name="old"',
          'pdf',
          "Content-Disposition: attachment; filename*=utf-8''Gr%C3%B6%C3%9Fe%2012%2F26.pdf"
        ),
        part('text/plain', 'A=1', 'Content-Disposition: attachment; filename=".env"'),
        part('text/plain', 'B=1', 'Content-Disposition: attachment; filename=".env"')
      )
    )
  )
  t.match(source, /Content-Type: text\/calendar;[^\r]*method=REQUEST/)
  const calendar = read.attachments.find(({ mimeType }) => mimeType === 'text/calendar')
  const calendarText = Buffer.from(ICS.replaceAll('\r\n', '\n')).toString('latin1')
  t.equal(textOf(calendar?.content), calendarText)
  t.match(source, /Content-Type: text\/csv; charset=windows-1252; header=present; name=p.csv/)
  const files = read.attachments.filter(({ disposition }) => disposition === 'attachment')
  t.same(
    files.map(({ filename }) => filename),
    ['p.csv', 'Größe 12/26.pdf', '.env', '.env']
  )
  t.equal(textOf(files[0]?.content), CSV.toString('latin1'), 'the same bytes')
})

for (const attachedMessages of ['with-id', 'without-id'] as const)
  t.test(`an attached message goes on whole, ${attachedMessages}`, async (t) => {
    const sandbox = await startSandbox({
      users: [{ email: 'ann@acme.test', name: 'Ann', empty: true }],
      attachedMessages
    })
    t.teardown(() => sandbox.close())
    const session = await openGmailSession(t, { sandbox, email: 'ann@acme.test' })
    const inner = 'From: c@out.test\r\nSubject: inner\r\n\r\nThe inner price is 420.'
    const { source, answer } = await forwarded(
      session,
      mail(
        ['From: b@out.test'],
        multi(
          'mixed',
          'M',
          part('text/plain', 'See it.'),
          `Content-Type: message/rfc822\r\n\r\n${inner.replace('420', '419')}`,
          `Content-Type: message/rfc822; name="RE: offer.eml"\r\nContent-Disposition: attachment; filename="RE: offer.eml"\r\n\r\n${inner}`
        )
      )
    )
    t.equal(answer.isError, false, answer.text)
    t.match(source, /Content-Type: message\/rfc822; name="RE: offer.eml"/)
    t.match(source, /Content-Disposition: attachment; filename="RE: offer.eml"/)
    t.match(source, /inner price is 419/)
    t.match(source, /inner price is 420/)
  })

const DRAFT = mail(
  [
    'From: Ann <ann@acme.test>',
    'To: =?iso-8859-1?Q?M=FCller=2C_Hans?= <hans@out.test>, half-typed',
    'Cc: Team: a@out.test, b@out.test;',
    'Bcc: h@out.test',
    'Reply-To: "Desk, The" <desk@out.test>',
    'Subject: =?utf-8?Q?Gr=C3=B6=C3=9Fe?=',
    'Message-ID: <draft-1@acme.test>',
    'In-Reply-To: <odd id>',
    'References: <r.1> <odd id>',
    'X-Priority: 1',
    'Keywords: a,\r\n b'
  ],
  multi(
    'mixed',
    'M',
    multi(
      'related',
      'R',
      multi(
        'alternative',
        'A',
        part('text/plain; charset=utf-8', 'Old words'),
        part('text/html; charset=utf-8', '<p style="color:red">Old <img src="cid:pic"></p>')
      ),
      part(
        'image/png; name=p.png',
        PNG,
        'Content-ID: <pic>',
        'Content-Disposition: inline; filename=p.png'
      )
    ),
    part(
      'text/csv; charset=windows-1252; name=p.csv',
      CSV,
      'Content-Disposition: attachment; filename=p.csv'
    )
  )
)

async function changedDraft(session: GmailSession, changes: Record<string, unknown>, raw = DRAFT) {
  const gmail = gmailOf(session.sandbox, session.email, ['https://mail.google.com/'])
  const { body } = await gmail('POST drafts', {
    message: { raw: Buffer.from(raw).toString('base64url') }
  })
  const answer = await session.call('update_draft', { draftId: body.id, ...changes })
  const sent = rawOf(session, answer.data.messageId)
  return { answer, sent, source: flat(sent), read: await PostalMime.parse(sent) }
}

const KEPT = [
  /^To: =\?iso-8859-1\?Q\?M=FCller=2C_Hans\?= <hans@out.test>, half-typed\r$/m,
  /^Cc: Team: a@out.test, b@out.test;\r$/m,
  /^Bcc: h@out.test\r$/m,
  /^Reply-To: "Desk, The" <desk@out.test>\r$/m,
  /^In-Reply-To: <odd id>\r$/m,
  /^References: <r.1> <odd id>\r$/m,
  /^Message-ID: <draft-1@acme.test>\r$/im,
  /^X-Priority: 1\r$/m,
  /^Keywords: a, b\r$/m
]

t.test('a change of the subject leaves everything else as it stands, byte for byte', async (t) => {
  const session = await openGmailSession(t)
  const { answer, source, sent } = await changedDraft(session, { subject: 'new' })
  t.match(answer.data, {
    recipients: ['hans@out.test', 'a@out.test', 'b@out.test', 'h@out.test'],
    notReached: ['half-typed']
  })
  for (const field of KEPT) t.match(source, field)
  t.match(source, /^Subject: new\r$/m)
  t.equal(
    source.match(/^(Subject|From|Date|MIME-Version|Content-Type): /gm)?.length,
    5 + 6,
    'each once, and of six parts'
  )
  const body = (raw: string) => raw.slice(raw.indexOf('--M\r\n'))
  t.equal(body(sent.toString('latin1')), body(DRAFT), 'content')
})

t.test('new words leave the header, the picture and the file of a draft', async (t) => {
  const session = await openGmailSession(t)
  const words = await changedDraft(session, { body: 'New <words>' })
  for (const field of KEPT) t.match(words.source, field)
  t.match(words.source, /^Subject: =\?utf-8\?Q\?Gr=C3=B6=C3=9Fe\?=\r$/m)
  t.match(words.read, { text: /New <words>/, html: /New &lt;words&gt;/ })
  t.same(words.read.attachments.map(({ filename }) => filename).toSorted(), ['p.csv', 'p.png'])
  t.match(words.source, /text\/csv; charset=windows-1252/)
  const html = await changedDraft(session, { htmlBody: '<p>Better <img src="cid:pic"></p>' })
  t.match(html.read, { text: /Better/, html: /Better/ })
  t.notMatch(html.read.text, /Old/, 'the text says what the HTML says')
  t.match(html.source, /Content-ID: <pic>/)
  const added = await changedDraft(session, {
    attachments: [{ filename: 'n.txt', contentBase64: 'eA==' }],
    removeAttachments: ['1']
  })
  t.match(added.read, { text: /Old words/, html: /color:red/ })
  t.match(added.source, /Content-ID: <pic>/)
  t.same(added.read.attachments.map(({ filename }) => filename).toSorted(), ['n.txt', 'p.png'])
  const fields = await changedDraft(session, {
    to: ['x@out.test'],
    cc: [],
    replyTo: 'r@out.test',
    headers: ['X-Priority: 3']
  })
  t.match(fields.answer.data, { recipients: ['x@out.test', 'h@out.test'] })
  t.same(
    fields.source.match(/^(To|Cc|Bcc|Reply-To|X-Priority): .*/gm)?.toSorted(),
    ['Bcc: h@out.test\r', 'Reply-To: r@out.test\r', 'To: x@out.test\r', 'X-Priority: 3\r']
      .map((line) => line.trim())
      .toSorted()
  )
})

t.test('a draft needs no recipients, until it is sent', async (t) => {
  const session = await openGmailSession(t)
  const saved = await session.call('draft_email', { subject: 's', body: 'b' })
  t.match(saved.data, { recipients: [] })
  t.match(saved.text, /Nobody yet/)
  const { draftId } = saved.data
  t.match((await session.call('update_draft', { draftId, body: 'c' })).data, { recipients: [] })
  t.match((await session.call('send_draft', { draftId })).data, { code: 'invalid_argument' })
  await session.call('update_draft', { draftId, bcc: ['h@out.test'] })
  t.match((await session.call('send_draft', { draftId })).data, {
    sent: true,
    recipients: ['h@out.test']
  })
})

t.test('two files of one name are asked about', async (t) => {
  const session = await openGmailSession(t)
  const file = (text: string) =>
    part('text/plain', text, 'Content-Disposition: attachment; filename=log.txt')
  const raw = mail(
    ['From: b@out.test'],
    multi('mixed', 'M', part('text/plain', 'x'), file('FIRST'), file('SECOND'))
  )
  const { id: messageId } = session.sandbox.mailbox(session.email).deliver(raw)
  const asked = await session.call('download_attachment', { messageId, filename: 'log.txt' })
  t.match(asked.data, { code: 'invalid_argument' })
  t.match(asked.text, /partId 1: log.txt[^\n]*\npartId 2: log.txt/)
  t.match((await session.call('download_attachment', { messageId, partId: '2' })).data, {
    text: 'SECOND'
  })
})
