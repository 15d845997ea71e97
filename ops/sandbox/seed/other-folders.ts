import type { SeedContext, SeedMail } from './seed-mail.ts'

/** Mail outside the ordinary inbox: spam, trash, archive, social notices, a forum. */
export function places({ me, messageId }: SeedContext): SeedMail[] {
  const mails: readonly (readonly [labels: readonly string[], from: string, subject: string])[] = [
    [['SPAM', 'UNREAD'], 'Cheap Watches <sale@watches.example>', 'REPLICA 90% OFF!!!'],
    [['SPAM', 'UNREAD'], 'Dr. Prince <prince@royal.example>', 'Confidential business proposal'],
    [['SPAM'], 'Lottery <win@lotto.example>', 'Final notice: claim number 8841'],
    [['TRASH'], 'Parking <fines@parking.example>', 'Payment received, thank you'],
    [['TRASH', 'UNREAD'], 'Old Gym <info@oldgym.example>', 'We miss you'],
    [
      ['INBOX', 'CATEGORY_SOCIAL', 'UNREAD'],
      'Rookery <notify@rookery.example>',
      'Diego shared a photo'
    ],
    [['INBOX', 'CATEGORY_SOCIAL'], 'Rookery <notify@rookery.example>', 'You have 3 new followers'],
    [
      ['INBOX', 'CATEGORY_FORUMS'],
      'Tide Tables <list@tides.example>',
      '[tides] Chart datum corrections'
    ],
    [
      ['INBOX', 'CATEGORY_UPDATES', 'Travel'],
      'Fern Railways <tickets@fernrail.example>',
      'Your ticket: Oslo – Bergen'
    ],
    [['Travel'], 'Pension Seeblick <haus@seeblick.example>', 'Bestätigung Ihrer Buchung'],
    [['Receipts'], 'City Water <bills@citywater.example>', 'Yearly statement']
  ]
  return mails.map(([labels, from, subject], index) => ({
    hoursAgo: 25 + index * 41,
    labels,
    envelopeFrom: /<(.*)>/.exec(from)?.[1] ?? from,
    isGenuine: !labels.includes('SPAM'),
    mail: {
      from,
      to: me,
      subject,
      messageId: messageId(`place-${index}`),
      text: `${subject}\n\nThis message was sent automatically.`
    }
  }))
}
