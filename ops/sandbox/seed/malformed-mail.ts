import { INBOX, type SeedContext, type SeedMail } from './seed-mail.ts'

/** Mail that breaks the rules in the ways that real mail does. */
export function broken({ me, messageId }: SeedContext): SeedMail[] {
  const sources: readonly (readonly [name: string, source: string])[] = [
    ['no-subject', `From: a@quiet.example\nTo: ${me}\n\nThere is no subject here.`],
    ['no-body', `From: b@quiet.example\nTo: ${me}\nSubject: Nothing below`],
    ['no-from', `To: ${me}\nSubject: Who wrote this?\n\nNobody knows.`],
    [
      'bad-date',
      `From: c@quiet.example\nTo: ${me}\nSubject: A date that is none\nDate: the day after tomorrow\n\nHm.`
    ],
    [
      'unclosed',
      `From: d@quiet.example\nTo: ${me}\nSubject: Boundary without an end\nContent-Type: multipart/mixed; boundary=b1\n\n--b1\nContent-Type: text/plain\n\nThe end never comes.\n--b1\nContent-Type: text/html\n\n<p>Truly not.`
    ],
    [
      'wrong-boundary',
      `From: e@quiet.example\nTo: ${me}\nSubject: Boundary that never occurs\nContent-Type: multipart/alternative; boundary="missing"\n\nJust text where parts should be.`
    ],
    [
      'bad-base64',
      `From: f@quiet.example\nTo: ${me}\nSubject: Damaged on the way\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\nSGVsbG8sIHRoaX!!! MgaXMgZGFtYWdlZA`
    ],
    [
      'html-only',
      `From: g@quiet.example\nTo: ${me}\nSubject: Only HTML\nContent-Type: text/html; charset=utf-8\n\n<div><h2>Opening hours</h2><ul><li>Mon&ndash;Fri 9&ndash;17</li><li>Sat 10&ndash;14</li></ul></div>`
    ],
    [
      'raw-eight-bit',
      `From: Jürgen Müßig <h@quiet.example>\nTo: ${me}\nSubject: Unkodierte Umlaute: Grüße\nContent-Type: text/plain\n\nSchöne Grüße`
    ]
  ]
  return sources.map(([name, source], index) => ({
    hoursAgo: 180 + index * 29,
    labels: INBOX,
    envelopeFrom: 'someone@quiet.example',
    mail: Buffer.from(`Message-ID: ${messageId(name)}\n${source}`.replaceAll('\n', '\r\n'))
  }))
}
