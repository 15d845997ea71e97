/**
 * Quotes in conversations: nothing that is new may be left out. What mail programs write around a quote is from Gmail,
 * Outlook, Apple Mail, Thunderbird, Proton and Yahoo as they are; marks are those of RFC 3676, section 4.5.
 */
import t, { type Test } from 'tap'
import { openGmailSession } from '../helpers/gmail-session.ts'

const CRLF = '\r\n'
const HEAD = 'On Mon, 16 Nov 2026 at 10:00, Ada <ada@out.test> wrote:'
const OUTLOOK = 'From: Ada <ada@out.test>\nSent: Monday\nTo: Bo\nSubject: Plan'

interface Told {
  readonly id: string
  readonly body: string
  readonly leftOut?: { readonly quotedChars?: number; readonly isQuoteKept?: boolean }
}

/** Delivers a conversation of plain texts; what the tools say of it. */
async function open(t: Test) {
  const { sandbox, email, call } = await openGmailSession(t, { empty: true })
  let count = 0
  const converse = (...texts: readonly string[]) => {
    count += 1
    const ids = texts.map((text, at) => {
      const head = [
        'From: Ada <ada@out.test>',
        `To: ${email}`,
        `Subject: ${at === 0 ? '' : 'Re: '}Plan ${count}`,
        `Message-ID: <${count}.${at}@out.test>`,
        ...(at === 0
          ? []
          : [`In-Reply-To: <${count}.0@out.test>`, `References: <${count}.0@out.test>`]),
        `Date: Tue, 17 Nov 2026 10:0${at}:00 +0000`,
        'Content-Type: text/plain; charset=utf-8',
        ''
      ]
      const source = `${head.join(CRLF)}${CRLF}${text.replaceAll('\n', CRLF)}`
      return sandbox.mailbox(email).deliver(Buffer.from(source))
    })
    return { ids: ids.map(({ id }) => id), threadId: ids[0]?.threadId }
  }
  const put = (text: string, ...headers: string[]) => {
    count += 1
    const head = [
      'From: Ada <ada@out.test>',
      `To: ${email}`,
      ...(headers.some((each) => each.startsWith('Subject')) ? [] : [`Subject: Alone ${count}`]),
      `Message-ID: <alone-${count}@out.test>`,
      'Date: Tue, 17 Nov 2026 10:00:00 +0000',
      'Content-Type: text/plain; charset=utf-8',
      ...headers,
      ''
    ]
    return sandbox
      .mailbox(email)
      .deliver(Buffer.from(`${head.join(CRLF)}${CRLF}${text.replaceAll('\n', CRLF)}`))
  }
  /** The last message of a conversation. */
  const last = async (...texts: readonly string[]): Promise<Told | undefined> => {
    const { data } = await call('get_thread', { threadId: converse(...texts).threadId })
    return (data.messages as Told[]).at(-1)
  }
  return { call, converse, last, put }
}

t.test('words of the writer are no part of what introduces a quote', async (t) => {
  const { last } = await open(t)
  const old = 'Shall we meet on Friday at the harbour?'
  for (const own of ['Thanks!', 'Gladly, on the 12th at 10:30', 'See you\nBo'])
    t.equal((await last(old, `${own}\n${HEAD}\n> ${old}`))?.body, own)
  t.equal((await last(`Thanks!\n${HEAD}\n> from elsewhere`))?.body, 'Thanks!', 'a message alone')
  t.equal(
    (await last(old, `Yes.\n\n${OUTLOOK}\nBring your brother as well.\n${old}`))?.body,
    'Yes.\n\nBring your brother as well.',
    'nor of the header of a quote, without an empty line below it'
  )
})

t.test(
  'in a conversation a quote is left out only if it stands in an earlier message',
  async (t) => {
    const { call, converse, last } = await open(t)
    const first = `Look what Eve wrote:\n\n${HEAD}\n> The old bridge is closed until May.`
    const { data } = await call('get_thread', { threadId: converse(first, 'I see.').threadId })
    t.equal((data.messages as Told[])[0]?.body, first, 'the first one repeats nothing')
    const said =
      'The ferry leaves at nine in the morning.\nYes\nWe pay the ferry in cash, as always, at nine.\nAda'
    for (const more of [
      'We pay at nine in the morning, as always.',
      'We pay the ferry in cash, as always, at ten.',
      'the ferry in cash, as always',
      'Yes',
      '\u{1f44d}'
    ])
      t.equal(
        (await last(said, `Hi\n\n${OUTLOOK}\n\n${said}\n${more}`))?.body,
        `Hi\n\n${more}`,
        'new, though each of its words was said'
      )
    t.equal((await last(said, `Hi\n\n${OUTLOOK}\n\n${said}`))?.body, 'Hi')
  }
)

t.test('read_email leaves out as a conversation does', async (t) => {
  const { call, converse } = await open(t)
  const old = 'Shall we meet on Friday at the harbour?'
  const text = `No.\n\n${HEAD}\n> ${old}\n> The code of the door is 4711, it says.`
  const { ids } = converse(old, text)
  const read = (messageId: string | undefined, stripQuotes: boolean) =>
    call('read_email', { messageId, stripQuotes })
  t.equal((await read(ids[1], true)).data.body, 'No.\n\n> The code of the door is 4711, it says.')
  t.match((await read(ids[1], true)).data, { leftOut: { quotedChars: Number } })
  t.equal((await read(ids[1], false)).data.body, text)
})

t.test('what is too long to be compared stays, and that is said', async (t) => {
  const { call, converse, last } = await open(t)
  const long = Array.from({ length: 4000 }, (_, at) => `Line ${at} of a very long message.`)
  const answer = `Ok.\n\n> ${long[10]}\n> ${long[11]}\n> ${long[3999]}`
  const told = await last(long.join('\n'), answer)
  t.equal(told?.body, `Ok.\n\n> ${long[3999]}`)
  t.match(told?.leftOut, { isQuoteKept: true, quotedChars: Number })
  const { text } = await call('get_thread', {
    threadId: converse(long.join('\n'), answer).threadId
  })
  t.match(text, /Quotes may be left: the conversation is too long/)
  t.notMatch((await last('a b c d e', '> a b c d e\n\nOk.'))?.leftOut, { isQuoteKept: true })
})

t.test(
  'an introduction that names no date takes none from the writer’s own line above it',
  async (t) => {
    const { last } = await open(t)
    const old = 'Shall we meet on Friday at the harbour?'
    for (const own of ['We can meet on 12/05 at 10.', 'On Monday 3 we meet at the office'])
      for (const head of ['Ada wrote:', 'Ada <ada@out.test> wrote:'])
        for (const earlier of [[old], []])
          t.match(
            (await last(...earlier, `Hi,\n\n${own}\n${head}\n> ${old}`))?.body,
            own,
            `${own} ${head}`
          )
    for (const broken of [
      'On Mon, 16 Nov 2026 at 10:00 in the morning, Ada of the Harbour\n<ada@out.test> wrote:',
      'On 16 Nov 2026, at 10:00, Ada <\nada@out.test> wrote:',
      'Am 16.11.2026 um 10:00 schrieb Ada\n<ada@out.test>:'
    ])
      t.equal((await last(old, `Yes.\n\n${broken}\n> ${old}`))?.body, 'Yes.', broken)
  }
)

t.test('of a message alone nothing goes that its writer may have typed', async (t) => {
  const { call, put } = await open(t)
  const told = async (text: string, ...headers: string[]) =>
    (await call('get_thread', { threadId: put(text, ...headers).threadId })).data.messages as Told[]
  const memo =
    'Please copy this form.\n\nFrom: Berlin\nTo: Munich\nDate: 12 May 2026\nSubject: trip\n\nOne ticket for Ann, please.'
  t.equal((await told(memo))[0]?.body, memo, 'a form')
  const verse = 'My favourite:\n\nRumi <rumi@poets.test> wrote:\n> What you seek is seeking you.'
  t.equal((await told(verse))[0]?.body, verse)
  t.equal(
    (await told(memo, 'In-Reply-To: <elsewhere@out.test>'))[0]?.body,
    'Please copy this form.'
  )
  t.equal((await told(verse, 'Subject: Re: verses'))[0]?.body, 'My favourite:')
  const program =
    'From: Ann <a@x.test>\nSent: Monday, 16 November 2026 10:00\nTo: Bo\nSubject: trip'
  t.equal((await told(`Ok.\n\n${program}\n\nWe go.`))[0]?.body, 'Ok.', 'with address and time')
  t.match((await told(`Ok.\n\n${program}\n\nWe go.`, 'Subject: Fwd: trip'))[0]?.body, /We go/)
  const bar = 'Ok.\n\n-----Original Message-----\nFrom: Ann\n\nWe go.'
  t.equal((await told(bar))[0]?.body, 'Ok.')
})

t.test('a sentence of the writer above a quote is no introduction, however it ends', async (t) => {
  const { last } = await open(t)
  const old = 'Shall we meet on Friday at the harbour?'
  for (const own of [
    'I think that we should meet in the harbour on 12/05/2026 at 10:00\nAda wrote:',
    'On 12/05 at 10 we meet, as\nAda <ada@out.test> wrote:',
    'On 12 May 2026 at 10:00 we meet, as\nAda <ada@out.test> wrote:',
    'We can meet on 12/05 at 10, or at 11 if you like, and as to the boat Ada wrote:',
    'On 12 May 2026 at 10:00 we meet at the office, as you know, and\nAda wrote:'
  ])
    for (const earlier of [[old], []]) {
      const [first = ''] = own.split('\n')
      t.match((await last(...earlier, `Hi,\n\n${own}\n> ${old}`))?.body, first, first)
    }
})
