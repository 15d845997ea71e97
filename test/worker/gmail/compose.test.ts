import PostalMime from 'postal-mime'
import t from 'tap'
import { compose, type MimeFields } from '../../../worker/gmail/compose.ts'

const plain: MimeFields = {
  from: { name: 'Me', address: 'me@x.test' },
  to: ['a@x.test'],
  cc: [],
  bcc: [],
  subject: 'Hello',
  text: 'Body',
  files: [],
  headers: {},
  messageId: '<1@x.test>',
  date: new Date(0)
}
const raw = async (message: Partial<MimeFields>) =>
  (await compose({ ...plain, ...message })).toString()
const parsed = async (message: Partial<MimeFields>) =>
  PostalMime.parse(await compose({ ...plain, ...message }))

t.test('a message says what it was given, in any script', async (t) => {
  const subject = `${'日本語の件名 '.repeat(12)}🎉 Grüße`
  const text = 'Zeile 1\nライン 2\n.\n..dots\nFrom here\n🙂'
  const message = await parsed({
    subject,
    text,
    to: ['"Doe, Jürgen" <j@x.test>', '山田 <y@x.test>'],
    cc: ['c@x.test, d@x.test'],
    bcc: ['hidden@x.test'],
    replyTo: 'r@x.test'
  })
  t.equal(message.subject, subject.trim())
  t.equal(message.text?.replace(/\r\n/g, '\n').trim(), text)
  t.match(message.to, [
    { name: 'Doe, Jürgen', address: 'j@x.test' },
    { name: '山田', address: 'y@x.test' }
  ])
  t.match(message.cc, [{ address: 'c@x.test' }, { address: 'd@x.test' }])
  t.match(message.bcc, [{ address: 'hidden@x.test' }], 'Gmail reads Bcc from the message')
  t.match(message.from, { name: 'Me', address: 'me@x.test' })
  t.equal(message.messageId, '<1@x.test>')
  const source = await raw({ subject, text })
  t.ok(
    source.split('\r\n').every((line) => Buffer.byteLength(line) <= 998),
    'no line is too long'
  )
  t.notMatch(source, /[^\r]\n/, 'each line ends with CRLF')
  t.notMatch(source.split('\r\n\r\n')[0] ?? '', /[^\x20-\x7e\r\n\t]/, 'headers are ASCII')
  t.notMatch(source, /x-mailer/i)
})

t.test('a reply carries its parents', async (t) => {
  const source = await raw({ inReplyTo: '<p@x>', references: ['<a@x>', '<p@x>'] })
  t.match(source, /^In-Reply-To: <p@x>\r$/m)
  t.match(source, /^References: <a@x> <p@x>\r$/m)
})

t.test('no field can begin another header', async (t) => {
  const EVIL = ['\r\nBcc: evil@x.test', '\nBcc: evil@x.test', '\rBcc: evil@x.test', 'a\u0000b']
  for (const evil of EVIL) {
    const fields: Partial<MimeFields>[] = [
      { subject: `x${evil}` },
      { to: [`a@x.test${evil}`] },
      { to: [`"n${evil}" <a@x.test>`] },
      { cc: [`a@x.test${evil}`] },
      { bcc: [`a@x.test${evil}`] },
      { replyTo: `a@x.test${evil}` },
      { inReplyTo: `<a@x>${evil}` },
      { references: [`<a@x>${evil}`] },
      { messageId: `<a@x>${evil}` },
      { files: [{ filename: `f${evil}`, mimeType: 'text/plain', content: Buffer.from('x') }] },
      { files: [{ filename: 'f', mimeType: `text/plain${evil}`, content: Buffer.from('x') }] },
      {
        html: '<p>x</p>',
        files: [
          { filename: 'f', mimeType: 'image/png', content: Buffer.from('x'), contentId: `c${evil}` }
        ]
      }
    ]
    for (const field of fields)
      await t.rejects(raw(field), { code: 'invalid_argument' }, JSON.stringify(field).slice(0, 60))
  }
  const named = await raw({ from: { name: 'Me\r\nBcc: evil@x.test', address: 'me@x.test' } })
  t.notMatch(named, /^Bcc:/m)
})

t.test('wrong addresses, too many and too much are refused', async (t) => {
  for (const wrong of ['nobody', 'a b@x.test', '@x.test', 'a@', '<script>'])
    await t.rejects(raw({ to: [wrong] }), { code: 'invalid_argument' }, wrong)
  const many = Array.from({ length: 501 }, (_, index) => `a${index}@x.test`)
  await t.rejects(raw({ to: many }), { code: 'invalid_argument' })
  await t.rejects(raw({ to: many.slice(0, 300), bcc: many.slice(0, 300) }), {
    code: 'invalid_argument'
  })
  await t.rejects(raw({ to: [] }), { code: 'invalid_argument' })
  const content = Buffer.alloc(26_000_000)
  await t.rejects(raw({ files: [{ filename: 'f', mimeType: 'x/y', content }] }), {
    code: 'too_large'
  })
})

t.test('files arrive whole, under their names, and no file of the machine is read', async (t) => {
  const content = Buffer.from([0, 1, 2, 250, 255])
  const message = await parsed({
    html: '<p>Hi <img src="cid:logo"></p>',
    files: [
      { filename: 'Bericht ü 請求書.pdf', mimeType: 'application/pdf', content },
      { filename: 'logo.png', mimeType: 'image/png', content, contentId: 'logo' }
    ]
  })
  t.equal(message.text?.trim(), 'Body')
  t.match(message.html, /cid:logo/)
  const bytes = ({ content: found }: { content: unknown }) =>
    found instanceof ArrayBuffer ? Buffer.from(found) : found
  const [logo, report] = message.attachments.toSorted((a, b) =>
    String(b.filename).localeCompare(String(a.filename))
  )
  t.match(report, { filename: 'Bericht ü 請求書.pdf', mimeType: 'application/pdf' })
  t.match(logo, { filename: 'logo.png', contentId: '<logo>', disposition: 'inline' })
  t.same(report && bytes(report), content)
  const harmless = await raw({ html: '<img src="/etc/passwd"><img src="file:///etc/passwd">' })
  t.notMatch(harmless, /root:/)
})
