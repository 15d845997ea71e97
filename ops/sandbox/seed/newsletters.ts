import type { SeedContext, SeedMail } from './seed-mail.ts'

const LISTS = [
  ['Tideline Weekly', 'tideline.example', 'Five harbours that froze in winter'],
  ['The Slow Loom', 'slowloom.example', 'A warp, a weft and 300 hours'],
  ['Kernel Notes', 'kernelnotes.example', 'Why your timers are late'],
  ['Orchard & Oven', 'orchardoven.example', 'Plums: 🍑 three ways to keep them'],
  ['Museum of Small Things', 'smallthings.example', 'New: the button collection'],
  ['Night Trains', 'nighttrains.example', 'Timetable change — what is new from December'],
  ['Ledger Tips', 'ledgertips.example', 'Your week in numbers']
] as const

/** Bulk mail that says how to leave the list (RFC 2369, RFC 2919, RFC 8058), in both ways or only by mail. */
export function newsletters({ account, me, messageId, random }: SeedContext): SeedMail[] {
  return LISTS.map(([name, domain, subject], index) => {
    const key = `${random.below(1e9)}`
    const mailto = `<mailto:leave@${domain}?subject=leave-${key}>`
    const isOneClick = index % 3 !== 2
    return {
      hoursAgo: 8 + index * 31,
      labels: ['INBOX', 'CATEGORY_PROMOTIONS', ...(index % 2 === 0 ? ['UNREAD'] : [])],
      envelopeFrom: `bounce@${domain}`,
      mail: {
        from: `${name} <letters@${domain}>`,
        to: me,
        subject,
        messageId: messageId(`letter-${index}`),
        text: `${subject}\n\nRead it on our site: https://${domain}/${key}\n\nYou get this because ${account.email} subscribed.`,
        html: `<html><head><style>p{color:#345}</style></head><body><h1>${subject}</h1><p>Read it <a href="https://${domain}/${key}">on our site</a>.</p><img src="https://${domain}/pixel/${key}.gif" width="1" height="1" alt=""><p style="font-size:11px">You get this because you subscribed. <a href="https://${domain}/leave/${key}">Leave</a></p></body></html>`,
        headers: {
          'List-Id': `${name} <letters.${domain}>`,
          Precedence: 'bulk',
          'List-Unsubscribe': isOneClick ? `<https://${domain}/leave/${key}>, ${mailto}` : mailto,
          ...(isOneClick ? { 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' } : {})
        }
      }
    }
  })
}
