import { pdf } from './files.ts'
import type { SeedContext, SeedMail } from './seed-mail.ts'

const SHOPS = [
  ['Brackwater Books', 'orders@brackwater.example', '34.20'],
  ['Fern Railways', 'tickets@fernrail.example', '118.00'],
  ['Copper Kettle Tea', 'shop@copperkettle.example', '27.95'],
  ['Halogen Hosting', 'billing@halogen.example', '9.00'],
  ['Northgate Pharmacy', 'service@northgate.example', '15.40'],
  ['Pedal & Spoke', 'hello@pedalspoke.example', '642.50']
] as const

/** Orders, tickets and invoices; every other one with a PDF. */
export function receipts({ account, me, messageId, random, canary }: SeedContext): SeedMail[] {
  return SHOPS.map(([shop, address, amount], index) => {
    const number = 100_000 + random.below(900_000)
    const subject = `Your receipt from ${shop} (no. ${number})`
    return {
      hoursAgo: 14 + index * 47,
      labels: ['INBOX', 'CATEGORY_UPDATES', 'Receipts', ...(index < 2 ? ['UNREAD'] : [])],
      envelopeFrom: address,
      mail: {
        from: `${shop} <${address}>`,
        to: me,
        subject,
        messageId: messageId(`receipt-${index}`),
        text: `Dear ${account.name},\n\nwe received ${amount} EUR for order ${number}. ${index === 0 ? canary : ''}\n\n${shop}`,
        html: `<table role="presentation"><tr><th>Order</th><td>${number}</td></tr><tr><th>Total</th><td><b>${amount}&nbsp;EUR</b></td></tr></table>`,
        ...(index % 2 === 0
          ? {
              attachments: [
                {
                  filename: `receipt-${number}.pdf`,
                  mimeType: 'application/pdf',
                  content: pdf(`Receipt ${number}`)
                }
              ]
            }
          : {})
      }
    }
  })
}
