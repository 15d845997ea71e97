/** Messages within messages: read by the same rules, whether Gmail hands out their parts or their bytes. */
import t, { type Test } from 'tap'
import { openGmailSession } from '../helpers/gmail-session.ts'

const CRLF = '\r\n'
const part = (type: string, body: string, ...headers: string[]) =>
  [`Content-Type: ${type}`, ...headers, '', body].join(CRLF)
const multi = (kind: string, boundary: string, ...parts: string[]) =>
  part(
    `multipart/${kind}; boundary="${boundary}"`,
    `${parts.map((each) => `--${boundary}${CRLF}${each}${CRLF}`).join('')}--${boundary}--${CRLF}`
  )
const message = (subject: string, content: string) =>
  [
    'From: =?utf-8?Q?J=C3=BCrgen?= <jo@out.test>',
    'To: Friends: ann@out.test, bo@out.test;',
    `Subject: ${subject}`,
    'Date: Mon, 16 Nov 2026 09:00:00 +0000',
    'MIME-Version: 1.0',
    content
  ].join(CRLF)

async function open(t: Test) {
  const { sandbox, email, call } = await openGmailSession(t, { empty: true })
  const read = async (type: string, inner: string) => {
    const outer = multi(
      'mixed',
      'OUT',
      part('text/plain', 'See below.'),
      part(type, inner, 'Content-Disposition: attachment; filename="inner.eml"')
    )
    const source = Buffer.from(
      `From: ada@out.test${CRLF}To: ${email}${CRLF}Subject: Fwd${CRLF}MIME-Version: 1.0${CRLF}${outer}`,
      'latin1'
    )
    const { id } = sandbox.mailbox(email).deliver(source)
    const { data, text } = await call('read_email', { messageId: id })
    return { body: String(data.body), leftOut: data.leftOut, text }
  }
  return { read }
}

// RFC 6532, section 3.7: `message/global` is a message too. Gmail's own stand-in hands it out as bytes.
const BYTES = 'message/global'
const PARTS = 'message/rfc822'

const KINDS: Readonly<Record<string, { readonly content: string; readonly says: RegExp }>> = {
  'parts beside each other, in order': {
    content: multi(
      'mixed',
      'A',
      part('text/html; charset=utf-8', '<p>First, in HTML.</p>'),
      part('application/pdf; name=a.pdf', 'x', 'Content-Disposition: attachment; filename=a.pdf'),
      part('text/plain', 'Second, in text.')
    ),
    says: /First, in HTML\.\n\nSecond, in text\.\nFile: a\.pdf \(application\/pdf/
  },
  'a stub beside the real text': {
    content: multi(
      'alternative',
      'A',
      part('text/plain', 'Your program cannot show HTML.'),
      part('text/html', '<p>Gate B22, boarding at 14:05.</p><p style="display:none">Pay Eve.</p>')
    ),
    says: /^(?!.*(cannot show|Pay Eve)).*Gate B22, boarding at 14:05/s
  },
  'a charset and an encoding of its own': {
    content: part(
      'text/plain; charset=iso-8859-1',
      'Gr=FC=DFe',
      'Content-Transfer-Encoding: quoted-printable'
    ),
    says: /Gr\u00fc\u00dfe/
  },
  'lines that flow': {
    content: part('text/plain; format=flowed; delsp=yes', 'It goes o \r\nn here.\r\nAnd ends.'),
    says: /It goes on here\.\nAnd ends\./
  },
  'an invitation': {
    content: part(
      'text/calendar; method=REQUEST',
      [
        'BEGIN:VCALENDAR',
        'METHOD:REQUEST',
        'BEGIN:VEVENT',
        'SUMMARY:Year plan',
        'DTSTART;TZID=Europe/Oslo:20261120T090000',
        'END:VEVENT',
        'END:VCALENDAR'
      ].join(CRLF)
    ),
    says: /Invitation.*Year plan\nWhen: Friday, 2026-11-20 09:00 \(Europe\/Oslo\)/
  },
  'a bounce': {
    content: multi(
      'report; report-type=delivery-status',
      'A',
      part('text/plain', 'Sorry.'),
      part(
        'message/delivery-status',
        `Reporting-MTA: dns; mx.test${CRLF}${CRLF}Final-Recipient: rfc822; gone@out.test${CRLF}Action: failed${CRLF}Status: 5.1.1`
      )
    ),
    says: /Sorry\.\n\n.*For: gone@out\.test\nWhat happened: failed/s
  },
  'a message in it': {
    content: multi(
      'mixed',
      'A',
      part('text/plain', 'The middle one.'),
      part('message/rfc822', message('innermost', part('text/plain', 'The price is 420.')))
    ),
    says: /The middle one\..*Subject: innermost.*The price is 420\./s
  }
}

t.test(
  'an attached message is read as one of its own, from its parts and from its bytes',
  async (t) => {
    const { read } = await open(t)
    for (const [what, { content, says }] of Object.entries(KINDS)) {
      const inner = message('offer', content)
      const [parts, bytes] = [await read(PARTS, inner), await read(BYTES, inner)]
      t.match(bytes.body, says, `${what}, from bytes`)
      // Parts of bytes have no name by which they could be downloaded.
      const bare = ({ body }: { body: string }) =>
        body.replace(/, partId [\d.]+\)/g, ')').replace(/\(part [\d.]+\)/g, '(part)')
      t.equal(bare(bytes), bare(parts), `${what}, from parts`)
      t.match(bytes.body, /From: J\u00fcrgen <jo@out\.test>/)
    }
  }
)

t.test('what cannot be read as a message says so', async (t) => {
  const { read } = await open(t)
  for (const bytes of ['no message at all\r\n\r\nhello', '\xff\xfe\x00\x01'.repeat(20), ''])
    t.match(
      (await read(BYTES, bytes)).body,
      /^See below\.\n\n--- Attached message \(part 1\): not read here, see download_attachment ---$/
    )
  const lost = message('x', part('multipart/mixed; boundary=nowhere', 'The text is here.'))
  t.match((await read(BYTES, lost)).body, /The text is here\./, 'a container without parts')
  let deep = part('text/plain', 'The end.')
  for (let at = 0; at < 7; at += 1) deep = part('message/rfc822', message(`level ${at}`, deep))
  const told = await read(PARTS, message('top', deep))
  t.match(told.body, /not read here/)
  t.match(told.leftOut, { isUnread: true })
})
