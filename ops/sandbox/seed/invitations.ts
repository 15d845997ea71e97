import { composeMultipart, composePart } from '../mime/compose.ts'
import { mailboxOf, PEOPLE } from './people.ts'
import { INBOX, type SeedContext, type SeedMail } from './seed-mail.ts'

const MEETINGS = [
  ['Lighthouse stand-up', '20270111T090000Z', '20270111T091500Z', 'REQUEST'],
  ['Workshop dinner', '20270223T180000Z', '20270223T210000Z', 'REQUEST'],
  ['Quarter review', '20270301T130000Z', '20270301T140000Z', 'CANCEL']
] as const

/** Calendar invitations and a cancellation (RFC 6047): the event as an alternative and as a file. */
export function invitations({ account, me, messageId }: SeedContext): SeedMail[] {
  const { hanna } = PEOPLE
  return MEETINGS.map(([title, start, end, method], index) => {
    const event = [
      'BEGIN:VCALENDAR',
      'VERSION:2.0',
      'PRODID:-//Sandbox//Calendar//EN',
      `METHOD:${method}`,
      'BEGIN:VEVENT',
      `UID:event-${index}-${account.sub}@northlight.example`,
      'DTSTAMP:20261101T080000Z',
      `DTSTART:${start}`,
      `DTEND:${end}`,
      `SUMMARY:${title}`,
      `ORGANIZER;CN=${hanna.name}:mailto:${hanna.address}`,
      `ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:${account.email}`,
      'END:VEVENT',
      'END:VCALENDAR',
      ''
    ].join('\r\n')
    const subject = `${method === 'CANCEL' ? 'Canceled event' : 'Invitation'}: ${title}`
    const shown = composeMultipart('multipart/alternative', 1, [
      composePart(['Content-Type: text/plain; charset="UTF-8"'], `${title}\r\n${start} – ${end}`),
      composePart([`Content-Type: text/calendar; charset="UTF-8"; method=${method}`], event)
    ])
    const file = composePart(
      [
        'Content-Type: application/ics; name="invite.ics"',
        'Content-Disposition: attachment; filename="invite.ics"'
      ],
      Buffer.from(event)
    )
    const head = [
      `From: ${mailboxOf(hanna)}`,
      `To: ${me}`,
      `Subject: ${subject}`,
      `Message-ID: ${messageId(`invite-${index}`)}`,
      'MIME-Version: 1.0',
      ''
    ]
    return {
      hoursAgo: 40 + index * 90,
      labels: [...INBOX, 'Work'],
      envelopeFrom: hanna.address,
      mail: Buffer.from(head.join('\r\n') + composeMultipart('multipart/mixed', 0, [shown, file]))
    }
  })
}
