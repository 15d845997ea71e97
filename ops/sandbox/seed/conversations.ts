import { mailboxOf, PEOPLE, type Person } from './people.ts'
import { INBOX, type SeedContext, type SeedMail } from './seed-mail.ts'

interface Turn {
  /** Undefined is the mailbox's owner. */
  readonly from?: Person
  readonly text: string
  readonly labels?: readonly string[]
}

interface Conversation {
  readonly name: string
  readonly subject: string
  readonly with: readonly Person[]
  /** When the last turn was written. */
  readonly hoursAgo: number
  readonly labels?: readonly string[]
  readonly turns: readonly Turn[]
}

const { hanna, oskar, priya, diego, mum, leo } = PEOPLE

/** Threads between people, each message answering the one before. */
export function conversations(context: SeedContext): SeedMail[] {
  return conversationList(context).flatMap((conversation) => write(conversation, context))
}

function conversationList({ canary, random, account }: SeedContext): Conversation[] {
  const room = random.pick(['Fjord', 'Harbour', 'Lantern', 'Orchard'])
  const first = account.name.split(' ', 1)[0] ?? account.name
  return [
    {
      name: 'lighthouse',
      subject: 'Lighthouse: launch date',
      with: [hanna, oskar],
      hoursAgo: 3,
      labels: ['Work/Projects/Lighthouse', 'IMPORTANT'],
      turns: [
        {
          from: hanna,
          text: `Hi ${first},\n\ncan we still make the 14th? The optics team needs a yes by Friday.\n\nHanna`
        },
        { text: 'Hi Hanna,\n\nI think so. I will check with Oskar about the mounting plates.\n' },
        { from: oskar, text: `The plates arrive on the 11th. Tight, but fine. ${canary}\n\nOskar` },
        {
          from: hanna,
          text: `Great. Then let us say the 14th. Could you confirm in writing?\n\nHanna`,
          labels: ['UNREAD', 'STARRED']
        }
      ]
    },
    {
      name: 'budget',
      subject: 'Budget for the spring workshop',
      with: [priya],
      hoursAgo: 20,
      labels: ['Work'],
      turns: [
        {
          from: priya,
          text: 'Hello,\n\nthe caterer wants 2,350.00 in advance. Is that within what we agreed?\n\nPriya'
        },
        { text: 'It is a bit over. Can they do without the dessert?\n' },
        {
          from: priya,
          text: `They can: 2,110.00 then. I will sign today.\n\n> It is a bit over. Can they do without the dessert?\n\nPriya`,
          labels: ['UNREAD']
        }
      ]
    },
    {
      name: 'room',
      subject: `Room ${room} on Tuesday`,
      with: [diego, priya],
      hoursAgo: 30,
      labels: ['Work'],
      turns: [
        { from: diego, text: `Is anybody using ${room} on Tuesday at 10? We need the big screen.` },
        { text: 'Not us, take it.\n' },
        { from: diego, text: 'Thanks a lot!' }
      ]
    },
    {
      name: 'birthday',
      subject: 'Sunday lunch',
      with: [mum],
      hoursAgo: 50,
      labels: ['Family'],
      turns: [
        { from: mum, text: 'Will you be here on Sunday? There will be plum cake.\nLove, Mum' },
        { text: 'Of course! Shall I bring anything?\n' },
        {
          from: mum,
          text: `Just yourself. And the photos from the lake. ${canary}`,
          labels: ['STARRED']
        }
      ]
    },
    {
      name: 'poster',
      subject: 'Affiche – première épreuve',
      with: [leo],
      hoursAgo: 75,
      turns: [
        {
          from: leo,
          text: 'Bonjour,\n\nvoilà la première épreuve de l’affiche. Le bleu est-il assez foncé ?\n\nÀ bientôt,\nLéo'
        },
        { text: 'Merci Léo, très joli. Un peu plus foncé, oui.\n' },
        { from: leo, text: 'C’est noté : je vous envoie la suite demain.\n\nLéo' }
      ]
    },
    {
      name: 'boat',
      subject: 'Boat share next summer?',
      with: [oskar],
      hoursAgo: 200,
      turns: [
        {
          from: oskar,
          text: 'We are four, we need a fifth. Two weeks in July, 400 each. Are you in?'
        },
        { text: 'Tempting. Let me look at the calendar and tell you next week.\n' }
      ]
    },
    {
      name: 'review',
      subject: 'Review of the pump controller',
      with: [priya, diego, hanna],
      hoursAgo: 260,
      labels: ['Work/Projects'],
      turns: [
        {
          from: priya,
          text: 'Please read the attached notes before Thursday, above all section 3.'
        },
        {
          from: diego,
          text: 'Section 3 contradicts section 5: which of the two pressures is right?'
        },
        { from: priya, text: 'Section 5. I will correct it.' },
        { text: 'Read it, no further remarks.\n' },
        { from: hanna, text: `Approved from my side. ${canary}` }
      ]
    },
    {
      name: 'keys',
      subject: 'Keys for the studio',
      with: [leo],
      hoursAgo: 420,
      turns: [
        { text: 'Hello Léo,\n\nI left the keys with the neighbour on the second floor.\n' },
        { from: leo, text: 'Parfait, je les prends ce soir. Merci !' }
      ]
    }
  ]
}

function write(conversation: Conversation, { me, messageId }: SeedContext): SeedMail[] {
  const { name, subject, turns, hoursAgo } = conversation
  const ids = turns.map((_, index) => messageId(`${name}-${index}`))
  return turns.map(({ from, text, labels = [] }, index) => {
    const others = conversation.with.filter((person) => person !== from).map(mailboxOf)
    const parent = ids[index - 1]
    const mail = {
      from: from ? mailboxOf(from) : me,
      to: (from ? [me, ...others] : others).join(', '),
      subject: index === 0 ? subject : `Re: ${subject}`,
      messageId: ids[index] ?? '',
      ...(parent ? { inReplyTo: parent, references: ids.slice(0, index).join(' ') } : {}),
      text
    }
    const places = from ? [...INBOX, ...(conversation.labels ?? [])] : ['SENT']
    return {
      hoursAgo: hoursAgo + (turns.length - 1 - index) * 5,
      labels: [...places, ...labels],
      mail,
      ...(from ? { envelopeFrom: from.address } : {})
    }
  })
}
