import { composeMail, composeMultipart, composePart } from '../mime/compose.ts'
import { PNG, pdf } from './files.ts'
import { mailboxOf, PEOPLE } from './people.ts'
import { INBOX, type SeedContext, type SeedMail, UNREAD } from './seed-mail.ts'

const { priya, diego, yuki, oskar } = PEOPLE

/** Files of several kinds, names outside ASCII, inline images, an attached message, deep nesting. */
export function attachments({ me, messageId }: SeedContext): SeedMail[] {
  const forwarded = composeMail({
    from: 'Customs Office <desk@customs.example>',
    to: mailboxOf(oskar),
    subject: 'Parcel 7731 is held',
    date: new Date('2026-09-01T08:00:00Z'),
    messageId: '<customs-7731@customs.example>',
    text: 'Please send an invoice for parcel 7731.',
    attachments: [{ filename: 'form-7.pdf', mimeType: 'application/pdf', content: pdf('Form 7') }]
  })
  const head = (subject: string, name: string) =>
    `From: ${mailboxOf(oskar)}\r\nTo: ${me}\r\nSubject: ${subject}\r\nMessage-ID: ${messageId(name)}\r\nMIME-Version: 1.0\r\n`
  const attached = composeMultipart('multipart/mixed', 0, [
    composePart(['Content-Type: text/plain; charset="UTF-8"'], 'What shall we do about this one?'),
    `Content-Type: message/rfc822\r\nContent-Disposition: attachment; filename="Parcel 7731 is held.eml"\r\n\r\n${forwarded.toString('latin1')}`
  ])
  return [
    {
      hoursAgo: 6,
      labels: [...UNREAD, 'Work'],
      envelopeFrom: priya.address,
      mail: {
        from: mailboxOf(priya),
        to: me,
        subject: 'Figures for October',
        messageId: messageId('figures'),
        text: 'The table and the chart, as promised.',
        html: '<p>The table and the <b>chart</b>, as promised.</p>',
        attachments: [
          {
            filename: 'Umsätze Oktober – 数字.csv',
            mimeType: 'text/csv',
            content: 'month,total\r\n2026-10,48211.50\r\n'
          },
          { filename: 'chart.png', mimeType: 'image/png', content: PNG },
          { filename: 'Figures.pdf', mimeType: 'application/pdf', content: pdf('Figures') }
        ]
      }
    },
    {
      hoursAgo: 90,
      labels: INBOX,
      envelopeFrom: yuki.address,
      mail: {
        from: mailboxOf(yuki),
        to: me,
        subject: 'Photos from the ridge',
        messageId: messageId('photos'),
        html: '<p>The view: <img src="cid:view@sakura" alt="a ridge"> and the hut: <img src="cid:hut@sakura" alt="a hut"></p>',
        attachments: [
          { filename: '景色.png', mimeType: 'image/png', content: PNG, contentId: 'view@sakura' },
          { filename: 'hut.png', mimeType: 'image/png', content: PNG, contentId: 'hut@sakura' }
        ]
      }
    },
    {
      hoursAgo: 110,
      labels: [...INBOX, 'STARRED'],
      envelopeFrom: oskar.address,
      mail: Buffer.from(head('Fwd: Parcel 7731 is held', 'parcel') + attached, 'latin1')
    },
    {
      hoursAgo: 130,
      labels: INBOX,
      envelopeFrom: oskar.address,
      mail: Buffer.from(head('Forwarded once too often', 'nested') + nest(20), 'latin1')
    },
    {
      hoursAgo: 150,
      labels: [...INBOX, 'Work/Projects'],
      envelopeFrom: diego.address,
      mail: {
        from: mailboxOf(diego),
        to: me,
        subject: 'Log of the night run (large)',
        messageId: messageId('log'),
        text: 'Compressed it would be nothing, but the tool wants it plain.',
        attachments: [
          {
            filename: 'night-run.log',
            mimeType: 'text/plain',
            content: 'ok 17.3 bar\n'.repeat(20_000)
          }
        ]
      }
    }
  ]
}

/** A multipart in a multipart, `depth` times. */
function nest(depth: number): string {
  let inner = composePart(['Content-Type: text/plain; charset="UTF-8"'], 'At the very bottom.')
  for (let level = depth; level > 0; level -= 1) {
    inner = composeMultipart('multipart/mixed', level, [inner])
  }
  return inner
}
