/** Where Gmail is known to decide what a client gets to see, the stand-in decides it alike. */
import t, { type Test } from 'tap'
import { type SandboxOptions, startSandbox } from '../../../ops/sandbox/sandbox.ts'
import { gmailOf, rawMail } from '../../helpers/sandbox-gmail.ts'

const ANA = 'ana@x.example'
const SCOPES = ['https://mail.google.com/', 'https://www.googleapis.com/auth/gmail.settings.basic']

async function open(t: Test, options: SandboxOptions = {}) {
  const users = [
    { email: ANA, name: 'Ana', empty: true },
    { email: 'bo@x.example', empty: true }
  ]
  const sandbox = await startSandbox({ users, ...options })
  t.teardown(() => sandbox.close())
  const call = gmailOf(sandbox, ANA, SCOPES)
  const find = async (q: string): Promise<number> =>
    (await call(`GET messages?q=${encodeURIComponent(q)}`)).body.resultSizeEstimate
  const put = (...lines: string[]) =>
    call('POST messages', { raw: Buffer.from(lines.join('\r\n'), 'latin1').toString('base64url') })
  const read = async (...lines: string[]) =>
    (await call(`GET messages/${(await put(...lines)).body.id}`)).body.payload
  return { sandbox, call, find, put, read }
}

const textOf = (part: { body: { data?: string } }): string =>
  Buffer.from(part.body.data ?? '', 'base64url').toString('utf8')

// openclaw/gogcli#446 and #511: bodies arrive in UTF-8, the header goes on to name the old charset; files are as sent.
t.test('text is handed out in UTF-8 under its old header, and files as they are', async (t) => {
  const { read, call } = await open(t)
  for (const [charset, bytes, text] of [
    ['iso-8859-1', 'Gr\xfc\xdfe', 'Grüße'],
    ['"windows-1252"', '\x80 5', '€ 5'],
    ['iso-2022-jp', '\x1b$B2q5D\x1b(B', '会議'],
    ['gb2312', '\xca\xb5\xca\xb1', '实时'],
    ['utf-16', 'plain', 'plain'],
    ['utf-8', 'caf\xc3\xa9', 'café'],
    ['no-such-charset', 'caf\xc3\xa9', 'café']
  ] as const) {
    const type = `text/plain; charset=${charset}`
    const payload = await read(`Content-Type: ${type}`, '', bytes)
    t.equal(textOf(payload), text, charset)
    t.equal(payload.body.size, Buffer.byteLength(text), charset)
    t.match(payload.headers, [{ name: 'Content-Type', value: type }])
  }
  const { body } = await call('POST messages', {
    raw: rawMail(
      'Content-Type: text/csv; charset=iso-8859-1; name=a.csv',
      'Content-Transfer-Encoding: base64',
      '',
      '/A=='
    )
  })
  const { payload } = (await call(`GET messages/${body.id}`)).body
  const file = await call(`GET messages/${body.id}/attachments/${payload.body.attachmentId}`)
  t.equal(file.body.data, '_A==', 'byte for byte')
})

// GAM-team/got-your-back#95, #316 and #350, gauteh/lieer#52: 400 "Invalid label name"; mbrt/gmailctl#414: 409.
t.test('names that Gmail keeps for itself are refused', async (t) => {
  const { call } = await open(t)
  for (const name of ['Inbox', 'sent', 'Drafts', 'TRASH', 'Spam', 'Muted', 'Chats', 'Starred'])
    t.match(await call('POST labels', { name }), {
      status: 400,
      body: { error: { message: 'Invalid label name' } }
    })
  t.match(await call('POST labels', { name: 'Indef' }), {
    status: 409,
    body: { error: { message: 'Label name exists or conflicts' } }
  })
  t.equal((await call('POST labels', { name: 'Mute' })).status, 200)
})

// Gmail API guide, "Searching for Messages": dates are midnight "in the PST timezone"; seconds are taken as they are.
t.test('days begin in California', async (t) => {
  const { call, find } = await open(t)
  const put = (date: string) =>
    call('POST messages?internalDateSource=dateHeader', {
      raw: rawMail(`Date: ${date}`, 'Subject: x', '', 'x')
    })
  await put('Fri, 20 Nov 2026 07:59:59 +0000')
  t.equal(await find('after:2026/11/20'), 0, 'winter: not yet midnight')
  t.equal(await find('before:2026/11/20'), 1)
  t.equal(await find('after:2026/11/19'), 1)
  await put('Fri, 20 Nov 2026 08:00:00 +0000')
  t.equal(await find('after:2026/11/20'), 1)
  await put('Wed, 01 Jul 2026 06:59:59 +0000')
  t.equal(await find('after:2026/07/01 before:2026/07/02'), 0, 'summer')
  await put('Wed, 01 Jul 2026 07:00:00 +0000')
  t.equal(await find('after:2026/07/01 before:2026/07/02'), 1)
  const seconds = Date.UTC(2026, 10, 20) / 1000
  t.equal(
    await find(`after:${seconds} before:${seconds + 28_800}`),
    1,
    'epoch seconds have no zone'
  )
})

// runbox/runbox7#1259 names Gmail as a search that folds accents.
t.test('search does not tell accents of Latin letters', async (t) => {
  const { put, find } = await open(t)
  await put('Subject: =?utf-8?q?Caf=C3=A9_M=C3=BCnchen?=', '', 'x')
  await put('Subject: =?utf-8?b?44Ks44K5?= =?utf-8?b?0L/QvtC5?=', '', 'x')
  for (const query of ['cafe', 'café', 'subject:munchen', 'Münchén']) t.equal(await find(query), 1)
  t.equal(await find('subject:ガス'), 1)
  t.equal(await find('subject:カス'), 0, 'marks of other scripts make other letters')
  t.equal(await find('пои'), 0)
})

// RFC 2047 §6.2 drops the white space between; that a character may be cut in two is what programs do.
t.test('encoded words side by side are decoded together', async (t) => {
  const { read } = await open(t)
  const { headers } = await read(
    'Subject: =?utf-8?B?44GC44GE44GG44GI4w==?=',
    ' =?UTF-8?B?gYrjgYs=?= =?iso-8859-1?q?=E9?= =?utf-8?q?=C3=A9?=',
    '',
    'x'
  )
  t.match(headers, [{ name: 'Subject', value: 'あいうえおかéé' }])
})

// RFC 2046 §5.1.5
t.test('a digest holds messages', async (t) => {
  const { read } = await open(t)
  const payload = await read(
    'Content-Type: multipart/digest; boundary=b',
    '',
    '--b',
    '',
    'Subject: one',
    '',
    'first',
    '--b--'
  )
  t.match(payload.parts, [
    { partId: '0', mimeType: 'message/rfc822', parts: [{ headers: [{ value: 'one' }] }] }
  ])
})

// RFC 5322 §2.1 wants an empty line before the body. Parsers that find other text there (CPython's `email`: defect
// MissingHeaderBodySeparator) take it for the body, as attached messages of bounces are often cut to a sentence.
t.test('words in the place of headers are the body', async (t) => {
  const { read } = await open(t)
  t.equal(
    textOf(await read('Subject: x', 'Here it begins: now', 'and ends')),
    'Here it begins: now\r\nand ends'
  )
  const bounce = await read('Content-Type: message/rfc822', '', 'Message removed')
  t.equal(textOf(bounce.parts[0]), 'Message removed')
  t.match((await read('From x@y Mon Jan 1', 'Subject: of an mbox', '', 'x')).headers, [
    { name: 'Subject' }
  ])
})

// taylorwilsdon/google_workspace_mcp#1075: any other From is replaced without a word; openclaw/gogcli#406: aliases.
t.test('mail comes from an alias that is confirmed, and from no other address', async (t) => {
  const { sandbox, call, find } = await open(t)
  sandbox.mailbox(ANA).addAlias({ email: 'Desk@x.example', name: 'Desk' })
  sandbox.mailbox(ANA).addAlias({ email: 'new@x.example', isPending: true })
  t.match((await call('GET settings/sendAs')).body.sendAs, [
    { sendAsEmail: ANA, isPrimary: true },
    { sendAsEmail: 'desk@x.example', displayName: 'Desk', verificationStatus: 'accepted' },
    { sendAsEmail: 'new@x.example', verificationStatus: 'pending' }
  ])
  const from = async (sender: string) => {
    const raw = rawMail(`From: ${sender}`, 'To: bo@x.example', 'Subject: x', '', 'x')
    const { body } = await call('POST messages/send', { raw })
    return sandbox.mailbox(ANA).message(body.id)?.mail.header('From')
  }
  t.equal(await from('Desk <desk@x.example>'), 'Desk <desk@x.example>')
  t.equal(await from('new@x.example'), `Ana <${ANA}>`)
  t.equal(await from('ceo@bank.example'), `Ana <${ANA}>`)
  t.equal(await find('from:me'), 3)
  const raw = rawMail('To: desk@x.example', 'Subject: to the desk', '', 'x')
  await gmailOf(sandbox, 'bo@x.example', SCOPES)('POST messages/send', { raw })
  t.equal(await find('in:inbox subject:desk'), 1, 'mail to the alias arrives')
})

t.test('what is not established about Gmail can be had in both ways', async (t) => {
  const mail = [
    'From: =?utf-8?q?Zo=C3=AB?= <zoe@x.example>',
    'Content-Type: message/rfc822',
    '',
    'Subject: inner',
    '',
    'x'
  ]
  const usual = await (await open(t)).read(...mail)
  t.match(usual, { headers: [{ value: 'Zoë <zoe@x.example>' }], body: { attachmentId: String } })
  const other = await open(t, { attachedMessages: 'without-id', headers: 'as-written' })
  const payload = await other.read(...mail)
  t.match(payload.headers, [{ value: '=?utf-8?q?Zo=C3=AB?= <zoe@x.example>' }])
  t.same(Object.keys(payload.body), ['size'])
  t.match(payload.parts, [{ headers: [{ value: 'inner' }] }])
})
