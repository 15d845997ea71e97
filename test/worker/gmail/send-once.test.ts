import { createHash } from 'node:crypto'
import t from 'tap'
import { ToolError } from '../../../shared/tool-error.ts'
import { GmailClient } from '../../../worker/gmail/client.ts'
import { LabelCache } from '../../../worker/gmail/label-cache.ts'
import { memorySendLedger } from '../../../worker/gmail/memory-send-ledger.ts'
import { findByMessageId } from '../../../worker/gmail/message-id.ts'
import { type Made, type SendLedger, SendOnce } from '../../../worker/gmail/send-once.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { openGmailSession } from '../../helpers/gmail-session.ts'

const signal = new AbortController().signal
const key = { key: 'k', content: 'c', windowMs: 60_000, doubtMs: 900_000 }
const SENT: Made = { id: 'a1', threadId: 'a1' }

async function open(t: Parameters<typeof openGmailSession>[0]) {
  const { sandbox, email } = await openGmailSession(t)
  const clock = new FakeClock(1_000_000)
  const mailbox = new GmailClient({
    gmailOrigin: sandbox.url,
    userEmail: email,
    clock,
    random: () => 0,
    tokens: {
      get: async () => ({
        ...sandbox.issueGrant(email, ['https://mail.google.com/']),
        expiresAt: 9e15
      })
    },
    report: { request() {}, throttled() {}, retried() {} }
  })
  const ledger = memorySendLedger(clock)
  const looks: number[] = []
  const sendsBy = (by: SendLedger) => {
    const sends = new SendOnce(clock, by)
    return {
      once: (
        named: typeof key,
        messageId: string,
        make: (messageId: string) => Promise<Made>,
        signal: AbortSignal
      ) =>
        sends.once(
          {
            ...named,
            messageId,
            make,
            find(looked) {
              looks.push(clock.monotonic())
              return findByMessageId(mailbox, looked, signal, 'sent')
            },
            unknown: (doubted) => `Nobody knows of ${doubted}.`
          },
          signal
        )
    }
  }
  const arrive = async (messageId: string): Promise<Made> => {
    const raw = Buffer.from(
      `From: ann@acme.test\r\nTo: b@x.test\r\nMessage-ID: ${messageId}\r\n\r\nx`
    )
    const requestBody = { raw: raw.toString('base64url') }
    const { id, threadId } = await mailbox.call('messages.send', { requestBody }, signal)
    return { id: id ?? '', threadId: threadId ?? '' }
  }
  return {
    sandbox,
    box: sandbox.mailbox(email),
    clock,
    mailbox,
    ledger,
    looks,
    sendsBy,
    arrive,
    sends: sendsBy(ledger)
  }
}

const lost = async (): Promise<never> => {
  throw new ToolError('outcome_unknown', '')
}

const keyOf = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Lets time pass until the promise is settled. */
async function settledWith<T>(clock: FakeClock, promise: Promise<T>): Promise<T> {
  let isSettled = false
  const settle = () => {
    isSettled = true
  }
  promise.then(settle, settle)
  while (!isSettled) {
    clock.advance(100)
    await new Promise(setImmediate)
  }
  return promise
}

t.test('a message that did arrive counts as sent, now or at the next try', async (t) => {
  const { box, clock, sends, arrive } = await open(t)
  const arrived = sends.once(
    key,
    '<1@acme.test>',
    async (messageId) => {
      await arrive(messageId)
      return lost()
    },
    signal
  )
  t.match(await settledWith(clock, arrived), {
    messageId: '<1@acme.test>',
    id: box.byMessageId('1@acme.test')?.id
  })

  const other = { ...key, key: 'other' }
  const waiting = sends.once(other, '<2@acme.test>', lost, signal)
  await t.rejects(settledWith(clock, waiting), { code: 'outcome_unknown' })
  await arrive('<2@acme.test>')
  const again = await sends.once(other, '<3@acme.test>', lost, signal)
  t.match(again, { messageId: '<2@acme.test>', id: box.byMessageId('2@acme.test')?.id })
})

t.test('a repetition is recognised for as long as it was said, and no failure is', async (t) => {
  const { clock, sends } = await open(t)
  let count = 0
  const send = async () => {
    count += 1
    return SENT
  }
  t.match(await sends.once(key, '<1@x>', send, signal), { duplicate: false })
  t.match(await sends.once(key, '<2@x>', send, signal), { duplicate: true, messageId: '<1@x>' })
  clock.advance(60_001)
  t.match(await sends.once(key, '<3@x>', send, signal), { duplicate: false, messageId: '<3@x>' })
  t.equal(count, 2)
  await t.rejects(sends.once({ ...key, content: 'other' }, '<4@x>', send, signal), {
    code: 'invalid_argument'
  })
  const refused = async () => {
    throw new ToolError('rate_limited', '')
  }
  const second = { ...key, key: 'second' }
  await t.rejects(sends.once(second, '<5@x>', refused, signal), { code: 'rate_limited' })
  t.match(await sends.once(second, '<6@x>', send, signal), { duplicate: false })
})

t.test('another process goes on where one died in the middle of a send', async (t) => {
  const { box, clock, ledger, sendsBy, arrive } = await open(t)
  const died = sendsBy({ ...ledger, end: () => new Promise(() => {}) })
  const first = died.once(key, '<1@acme.test>', arrive, signal)
  while (!box.byMessageId('1@acme.test')) await new Promise(setImmediate)
  first.catch(() => {})
  const heir = sendsBy(ledger)
  const again = await settledWith(clock, heir.once(key, '<2@acme.test>', arrive, signal))
  t.match(again, { messageId: '<1@acme.test>', id: box.byMessageId('1@acme.test')?.id })
  t.equal(box.byMessageId('2@acme.test'), undefined)
  t.match(await heir.once(key, '<3@acme.test>', arrive, signal), { duplicate: true })

  const second = { ...key, key: 'second' }
  await ledger.begin({
    ...second,
    key: keyOf('second'),
    content: keyOf('c'),
    messageId: '<4@acme.test>'
  })
  const sent = await settledWith(clock, heir.once(second, '<5@acme.test>', arrive, signal))
  t.match(sent, { messageId: '<4@acme.test>', duplicate: false }, 'what never left is sent')
})

t.test('a try that fails takes no doubt away', async (t) => {
  const { clock, ledger, sends } = await open(t)
  const failing = (code: 'outcome_unknown' | 'rate_limited') => async () => {
    throw new ToolError(code, '')
  }
  const begin = (code: 'outcome_unknown' | 'rate_limited') =>
    settledWith(clock, sends.once(key, '<1@acme.test>', failing(code), signal))
  await t.rejects(begin('outcome_unknown'), { code: 'outcome_unknown' })
  await t.rejects(begin('rate_limited'), { code: 'rate_limited' })
  const asked = {
    key: keyOf('k'),
    content: keyOf('c'),
    messageId: '<9@acme.test>',
    windowMs: 1000,
    doubtMs: 1000
  }
  t.match(await ledger.begin(asked), { state: 'doubtful', messageId: '<1@acme.test>' })
})

t.test('what was tried is not sent again while Gmail does not let it be looked for', async (t) => {
  const { box, sandbox, clock, sends, arrive } = await open(t)
  const lostOnTheWay = async (messageId: string): Promise<Made> => {
    await arrive(messageId)
    return lost()
  }
  const begin = (messageId: string) =>
    settledWith(clock, sends.once(key, messageId, lostOnTheWay, signal))
  sandbox.faults.inject({ kind: '503', match: { method: 'messages.list' }, times: 200 })
  await t.rejects(begin('<1@acme.test>'), { code: 'outcome_unknown', message: /<1@acme.test>/ })
  await t.rejects(begin('<2@acme.test>'), { code: 'outcome_unknown', message: /<1@acme.test>/ })
  sandbox.faults.clear()
  t.match(await begin('<3@acme.test>'), {
    messageId: '<1@acme.test>',
    id: box.byMessageId('1@acme.test')?.id
  })
  for (const never of ['2@acme.test', '3@acme.test']) t.notOk(box.byMessageId(never), never)
})

t.test('a mail without a Message-ID is not found among all others', async (t) => {
  const { mailbox, arrive } = await open(t)
  await arrive('<1@acme.test>')
  for (const none of ['', '<>', ' '])
    t.equal(await findByMessageId(mailbox, none, signal, 'sent'), undefined)
})

t.test('nothing is sent that cannot be noted', async (t) => {
  const { ledger, sendsBy } = await open(t)
  const full = { ...ledger, begin: async () => ({ state: 'unavailable' as const }) }
  let count = 0
  const send = async () => {
    count += 1
    return SENT
  }
  const sending = sendsBy(full).once(key, '<1@x>', send, signal)
  await t.rejects(sending, { code: 'upstream_unavailable', message: /nothing was sent/ })
  t.equal(count, 0)
})

t.test('labels are named by id or by name, in any case', async (t) => {
  const { mailbox, clock } = await open(t)
  const book = new LabelCache(mailbox, clock)
  const make = async (name: string) =>
    (await mailbox.call('labels.create', { requestBody: { name } }, signal)).id ?? ''
  const work = await make('Work/Müller')
  const receipts = await make('Receipts')
  t.same(await book.resolve(['work/müller', receipts, 'inbox', 'Promotions'], signal), [
    work,
    receipts,
    'INBOX',
    'CATEGORY_PROMOTIONS'
  ])
  t.same(await book.resolve(['Receipts', 'receipts'], signal), [receipts])
  await t.rejects(book.resolve(['Reciepts'], signal), {
    code: 'invalid_argument',
    message: /no label "Reciepts". Did you mean "Receipts"/
  })
  await t.rejects(book.resolve(['x'.repeat(5000)], signal), { code: 'invalid_argument' })
  const later = await make('Made elsewhere')
  t.same(await book.resolve(['made elsewhere'], signal), [later], 'a new label is found at once')
  t.same(await book.names([work, 'Label_gone'], signal), ['Work/Müller', 'Label_gone'])
})

t.test('a cancelled call takes the labels from nobody else who waits for them', async (t) => {
  const { mailbox, clock } = await open(t)
  const book = new LabelCache(mailbox, clock)
  const cancelled = new AbortController()
  const first = book.names(['INBOX'], cancelled.signal)
  const second = book.names(['INBOX'], signal)
  cancelled.abort(new Error('cancelled'))
  await t.rejects(first, { message: 'cancelled' })
  t.same(await second, ['INBOX'])
  await t.rejects(book.names(['INBOX'], cancelled.signal), { message: 'cancelled' })
})

const LOOKS = [0, 0.5, 2, 5]

t.test(
  'a repetition of a send that is cancelled meanwhile sends it, unless it was sent',
  async (t) => {
    const { clock, sends } = await open(t)
    const cancelled = Promise.withResolvers<Made>()
    const first = sends.once(key, '<1@x>', () => cancelled.promise, signal)
    const given: string[] = []
    const repeat = async (messageId: string) => {
      given.push(messageId)
      return SENT
    }
    const others = [1, 2].map(() => sends.once(key, '<2@x>', repeat, signal))
    cancelled.reject(new Error('cancelled'))
    await t.rejects(first, { message: 'cancelled' })
    t.match(await settledWith(clock, Promise.all(others)), [
      { messageId: '<1@x>' },
      { messageId: '<1@x>' }
    ])
    t.same(given, ['<1@x>'], 'once, and under the id by which the first one would be found')
  }
)

t.test(
  'what is in doubt is looked for at 0, 0.5, 2 and 5 s, and again before it is repeated',
  async (t) => {
    const { clock, sends, looks, arrive } = await open(t)
    /** When it was looked for, in s since the first time. */
    const passed = () => {
      const [first = 0, ...others] = looks.splice(0)
      return [0, ...others.map((at) => Math.round((at - first) / 100) / 10)]
    }
    const first = settledWith(clock, sends.once(key, '<1@acme.test>', lost, signal))
    await t.rejects(first, { code: 'outcome_unknown', message: 'Nobody knows of <1@acme.test>.' })
    t.same(passed(), LOOKS)

    clock.advance(14 * 60_000)
    const before: number[][] = []
    const again = async () => {
      before.push(passed())
      return lost()
    }
    await t.rejects(settledWith(clock, sends.once(key, '<2@acme.test>', again, signal)))
    t.same([...before, passed()], [LOOKS, LOOKS], 'before it is sent again, and after')

    const kept = { ...key, key: 'kept', doubtMs: 3_600_000 }
    await t.rejects(settledWith(clock, sends.once(kept, '<3@acme.test>', lost, signal)))
    looks.splice(0)
    clock.advance(20 * 60_000)
    t.match(await sends.once(kept, '<4@acme.test>', arrive, signal), { messageId: '<3@acme.test>' })
    t.same(passed(), [0], 'by then Gmail shows what there is')
  }
)

t.test(
  'a ledger in memory forgets what is in doubt, as what was sent, after its time',
  async (t) => {
    const { clock, sends } = await open(t)
    await t.rejects(settledWith(clock, sends.once(key, '<1@acme.test>', lost, signal)))
    clock.advance(key.doubtMs)
    const later = await sends.once(key, '<2@acme.test>', async () => SENT, signal)
    t.match(later, { messageId: '<2@acme.test>', duplicate: false })
  }
)
