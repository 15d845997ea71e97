import { encodeText } from '../mime/charset.ts'
import { mailboxOf, PEOPLE } from './people.ts'
import { INBOX, type SeedContext, type SeedMail, UNREAD } from './seed-mail.ts'

const { yuki, eleni, omar, vera, leo } = PEOPLE

/** Mail in many scripts, in UTF-8 and in the charsets of older clients. */
export function languages(context: SeedContext): SeedMail[] {
  const { me, messageId, canary } = context
  const modern = (
    [
      [
        eleni,
        'Ταξίδι στη Νάξο',
        `Καλημέρα!\nΤο πλοίο φεύγει στις 07:30 από τον Πειραιά. ${canary}\nΕλένη`
      ],
      [omar, 'موعد الاجتماع', 'مرحباً،\nالاجتماع يوم الأحد الساعة العاشرة صباحاً.\nعمر'],
      [
        vera,
        'Фотографии с дачи',
        'Привет!\nПосылаю фотографии. Яблок в этом году очень много.\nВера'
      ],
      [
        yuki,
        '週末のハイキング 🏔️',
        '土曜日の朝八時に駅で会いましょう。お弁当を忘れないでください。\n由紀'
      ],
      [leo, '🎉🎂 Joyeux anniversaire 👩‍👩‍👧‍👦 !', 'Bon anniversaire ! 🥳🎈 À ce soir, 19 h.\nLéo']
    ] as const
  ).map(([from, subject, text], index) => ({
    hoursAgo: 60 + index * 37,
    labels: index % 2 === 0 ? UNREAD : INBOX,
    envelopeFrom: from.address,
    mail: {
      from: mailboxOf(from),
      to: me,
      subject,
      messageId: messageId(`language-${index}`),
      text
    }
  }))
  return [...modern, japanese(context), western(context), unknownCharset(context)]
}

function japanese({ me, messageId }: SeedContext): SeedMail {
  const subject = encodeText('会議のお知らせ', 'iso-2022-jp').toString('base64')
  return old({
    hoursAgo: 330,
    from: yuki.address,
    fields: [
      `From: =?ISO-2022-JP?B?${encodeText(yuki.name, 'iso-2022-jp').toString('base64')}?= <${yuki.address}>`,
      `To: ${me}`,
      `Subject: =?ISO-2022-JP?B?${subject}?=`,
      `Message-ID: ${messageId('jp')}`,
      'Content-Type: text/plain; charset=ISO-2022-JP',
      'Content-Transfer-Encoding: 7bit'
    ],
    body: encodeText(
      'お世話になっております。\r\n会議は水曜日の午後三時からです。\r\n田中',
      'iso-2022-jp'
    )
  })
}

function western({ me, messageId }: SeedContext): SeedMail {
  return old({
    hoursAgo: 350,
    from: leo.address,
    fields: [
      `From: =?windows-1252?Q?L=E9o_Ch=E2teau?= <${leo.address}>`,
      `To: ${me}`,
      'Subject: =?windows-1252?Q?Devis_=96_120_=80?=',
      `Message-ID: ${messageId('w1252')}`,
      'Content-Type: text/plain; charset=windows-1252',
      'Content-Transfer-Encoding: 8bit'
    ],
    body: encodeText('Le devis s’élève à 120 €, façade comprise…\r\nLéo', 'windows-1252')
  })
}

function unknownCharset({ me, messageId }: SeedContext): SeedMail {
  return old({
    hoursAgo: 365,
    from: 'robot@oldfactory.example',
    fields: [
      'From: robot@oldfactory.example',
      `To: ${me}`,
      'Subject: =?x-plant-7?Q?Status_report?=',
      `Message-ID: ${messageId('x-plant')}`,
      'Content-Type: text/plain; charset=x-plant-7',
      'Content-Transfer-Encoding: 8bit'
    ],
    body: encodeText('Line 7: température 81 °C', 'windows-1252')
  })
}

function old(mail: {
  hoursAgo: number
  from: string
  fields: readonly string[]
  body: Buffer
}): SeedMail {
  return {
    hoursAgo: mail.hoursAgo,
    labels: INBOX,
    envelopeFrom: mail.from,
    mail: Buffer.concat([Buffer.from(`${mail.fields.join('\r\n')}\r\n\r\n`), mail.body])
  }
}
