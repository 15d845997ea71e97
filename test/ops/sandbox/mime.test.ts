import PostalMime from 'postal-mime'
import t from 'tap'
import { decodeText, encodeText } from '../../../ops/sandbox/mime/charset.ts'
import { composeMail } from '../../../ops/sandbox/mime/compose.ts'
import { editHeaders } from '../../../ops/sandbox/mime/edit-headers.ts'
import { decodeWords } from '../../../ops/sandbox/mime/headers.ts'
import { Mail } from '../../../ops/sandbox/mime/mail.ts'
import { parseParameters } from '../../../ops/sandbox/mime/parameters.ts'
import { type MimePart, parseMime, walkParts } from '../../../ops/sandbox/mime/part.ts'

const source = (...lines: readonly string[]) => Buffer.from(lines.join('\r\n'), 'latin1')
const shape = (part: MimePart) =>
  [...walkParts(part)].map(({ partId, mimeType, filename }) => `${partId}:${mimeType}:${filename}`)

t.test('the tree keeps Gmail’s part ids, through nested multiparts and messages', async (t) => {
  const inner =
    'From: a@b.example\r\nSubject: inner\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\ndeep\r\n--i--'
  const root = parseMime(
    source(
      'Content-Type: multipart/mixed; boundary="o o"',
      '',
      'preamble',
      '--o o',
      'Content-Type: multipart/alternative; boundary=a',
      '',
      '--a',
      'Content-Type: text/plain',
      '',
      'text',
      '--a ',
      'Content-Type: text/html; charset=utf-8',
      'Content-Transfer-Encoding: quoted-printable',
      '',
      '<p>caf=C3=A9 =',
      'au lait</p>',
      '--a--',
      '--o o',
      'Content-Type: message/rfc822; name=m.eml',
      '',
      inner,
      '--o o',
      'Content-Disposition: attachment; filename="a;b.txt"',
      'Content-Transfer-Encoding: BASE64',
      '',
      'aGVs',
      'bG8=',
      '--o o--',
      'epilogue'
    )
  )
  t.same(shape(root), [
    ':multipart/mixed:',
    '0:multipart/alternative:',
    '0.0:text/plain:',
    '0.1:text/html:',
    '1:message/rfc822:m.eml',
    '1.0:multipart/mixed:',
    '1.0.0:text/plain:',
    '2:text/plain:a;b.txt'
  ])
  const parts = new Map([...walkParts(root)].map((part) => [part.partId, part.content.toString()]))
  t.equal(parts.get('0.0'), 'text')
  t.equal(parts.get('0.1'), '<p>café au lait</p>')
  t.equal(parts.get('1.0.0'), 'deep')
  t.equal(parts.get('2'), 'hello')
})

t.test('broken mail is read as far as it goes', async (t) => {
  t.same(shape(parseMime(source(''))), [':text/plain:'])
  t.equal(parseMime(source('Subject: only head')).content.length, 0)
  t.equal(parseMime(source('', 'only body')).content.toString(), 'only body')
  const unclosed = parseMime(
    source('Content-Type: multipart/mixed; boundary=x', '', '--x', '', 'a', '--x', '', 'b')
  )
  t.same(
    unclosed.parts.map(({ content }) => content.toString()),
    ['a', 'b']
  )
  const absent = parseMime(source('Content-Type: multipart/mixed; boundary=x', '', 'no parts'))
  t.equal(absent.content.toString(), 'no parts')
  const longer = parseMime(
    source('Content-Type: multipart/mixed; boundary=x', '', '--x', '', 'a', '--xy', 'b', '--x--')
  )
  t.same(
    longer.parts.map(({ content }) => content.toString()),
    ['a\r\n--xy\r\nb'],
    'a longer boundary is another one'
  )
  t.equal(parseMime(source('Content-Type: <script>', '', 'x')).mimeType, 'text/plain')
  let nested = 'Content-Type: text/plain\r\n\r\nbottom'
  for (let level = 0; level < 5000; level += 1)
    nested = `Content-Type: multipart/mixed; boundary=b${level}\r\n\r\n--b${level}\r\n${nested}\r\n--b${level}--`
  t.ok([...walkParts(parseMime(Buffer.from(nested)))].length < 100, 'depth is bounded')
})

t.test('headers are unfolded and decoded', async (t) => {
  t.equal(decodeWords('=?UTF-8?B?8J+OiQ==?= =?UTF-8?Q?_caf=C3=A9?= end'), '🎉 café end')
  t.equal(decodeWords('=?ISO-2022-JP?B?GyRCMnE1RBsoQg==?='), '会議')
  t.equal(decodeWords('=?windows-1252?q?=80_120?='), '€ 120')
  t.equal(decodeWords(Buffer.from('Grüße').toString('latin1')), 'Grüße')
  t.equal(decodeWords('=?no-such-charset?q?ok?='), 'ok')
  const mail = new Mail(
    source(
      'Subject: one',
      ' two',
      '\tthree',
      'Message-ID: <a@b>',
      'References: <x@y>',
      ' <z@y>',
      'In-Reply-To: <z@y>',
      '',
      ''
    )
  )
  t.equal(mail.subject, 'one two three')
  t.equal(mail.messageId, '<a@b>')
  t.same(mail.references, ['<x@y>', '<z@y>', '<z@y>'])
})

t.test('parameters are joined and decoded (RFC 2231)', async (t) => {
  const name = (text: string) => parseParameters(text).parameters.get('filename')
  t.equal(name(`attachment; filename*=UTF-8''%E6%97%A5.csv`), '日.csv')
  t.equal(name(`attachment; filename*0*=UTF-8''%E6%97; filename*1*=%A5; filename*2=.csv`), '日.csv')
  t.equal(name('attachment; filename="=?UTF-8?Q?caf=C3=A9.txt?="'), 'café.txt')
  t.equal(name(String.raw`attachment; filename="a\"b.txt"; size=3`), 'a"b.txt')
  t.equal(name('attachment; filename=plain.txt'), 'plain.txt')
})

t.test('composed mail is read alike by an independent parser', async (t) => {
  const fields = {
    from: 'Зоя <zoya@x.example>',
    to: '"Doe, Jane" <jane@y.example>',
    subject: `Grüße 🎉 ${'sehr '.repeat(20)}lang Ωμέγα ${'Ж'.repeat(60)}`,
    date: new Date('2026-11-20T10:00:00Z'),
    messageId: '<m@x.example>',
    text: 'Zeile eins\nZeile zwei: ü',
    html: '<p>ü <img src="cid:pic"></p>',
    attachments: [
      { filename: '数字.csv', mimeType: 'text/csv', content: 'a,b' },
      {
        filename: 'pic.png',
        mimeType: 'image/png',
        content: Buffer.from([1, 2, 3]),
        contentId: 'pic'
      }
    ]
  }
  const raw = composeMail(fields)
  t.same(raw, composeMail(fields), 'the same fields give the same bytes')
  const theirs = await PostalMime.parse(raw)
  const ours = new Mail(raw)
  t.equal(theirs.subject, fields.subject)
  t.equal(ours.subject, fields.subject)
  t.same(theirs.from, { name: 'Зоя', address: 'zoya@x.example' })
  t.equal(theirs.to?.[0]?.address, 'jane@y.example')
  t.equal(theirs.text?.trim(), fields.text)
  t.match(theirs.html, '<p>ü')
  t.same(theirs.attachments.map(({ filename }) => filename).sort(), ['pic.png', '数字.csv'])
  t.same(ours.filenames.sort(), ['pic.png', '数字.csv'])
  t.equal(ours.hasAttachment, true)
  for (const line of raw.toString().split('\r\n')) t.ok(Buffer.byteLength(line) <= 998)
})

t.test('charsets are written and read back', async (t) => {
  for (const [text, charset] of [
    ['日本語 and ABC。', 'iso-2022-jp'],
    ['café – 12 €', 'windows-1252']
  ] as const) {
    t.equal(decodeText(encodeText(text, charset), charset), text)
  }
  t.equal(encodeText('日', 'windows-1252').toString(), '?')
  t.equal(decodeText(Buffer.from('é', 'latin1'), 'x-unknown'), 'é')
})

t.test('header fields are added and dropped, folded ones whole', async (t) => {
  const raw = source('Bcc: a@b,', ' c@d', 'Subject: Bcc: stays', '', 'Bcc: body stays')
  const edited = editHeaders(raw, { drop: ['bcc'], add: ['X-Ünder: é'] }).toString()
  t.equal(edited, 'X-Ünder: é\r\nSubject: Bcc: stays\r\n\r\nBcc: body stays')
})
