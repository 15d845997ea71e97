import t from 'tap'
import { openGmailSession } from '../../helpers/gmail-session.ts'

type Listed = Readonly<Record<string, readonly { subject?: string; who?: string[] }[] | undefined>>
const subjects = (data: Record<string, unknown>, field: string) =>
  ((data as Listed)[field] ?? []).map(({ subject }) => subject)

t.test('the inbox is listed, and narrowed to what is unread or waits for an answer', async (t) => {
  const { sandbox, email, call } = await openGmailSession(t)
  const box = sandbox.mailbox(email)
  const from = 'Bo <bo@out.test>'
  const answered = box.deliver({ from, subject: 'answered', text: 'x' })
  const read = box.deliver({ from, subject: 'read', text: 'x' })
  box.deliver({ from, subject: 'new', text: 'x' })
  const gone = box.deliver({ from, subject: 'archived', text: 'x' })
  await call('reply_to_email', { messageId: answered.id, body: 'yes' })
  await call('modify_email', { messageId: read.id, markAs: 'read' })
  await call('modify_email', { messageId: gone.id, archive: true })

  t.same(subjects((await call('list_inbox_threads')).data, 'threads').toSorted(), [
    'answered',
    'new',
    'read'
  ])
  const waits = await call('list_inbox_threads', { needsReply: true })
  t.same(subjects(waits.data, 'threads').toSorted(), ['new', 'read'])
  t.match(waits, { data: { leftOut: 1 }, text: /1 left out: the account wrote last/ })
  const unread = await call('list_inbox_threads', { unreadOnly: true, needsReply: true })
  t.same(subjects(unread.data, 'threads'), ['new'])
  const narrowed = await call('list_inbox_threads', { query: 'subject:read OR subject:archived' })
  t.same(subjects(narrowed.data, 'threads'), ['read'], 'the search stays within the inbox')
})

t.test('conversations are found with their words, at no more quota', async (t) => {
  const { sandbox, email, call, reported } = await openGmailSession(t)
  const box = sandbox.mailbox(email)
  const from = 'Bo <bo@out.test>'
  const { id } = box.deliver({ from, subject: 'Tea', text: 'Tea at four?' })
  await call('reply_to_email', { messageId: id, body: 'At five.' })
  box.deliver({ from, subject: 'Long', text: 'Word. '.repeat(10_000) })
  for (let n = 0; n < 7; n += 1)
    box.deliver({
      from,
      subject: 'Re: Many',
      text: `Number ${n}.`,
      messageId: `<m${n}@out.test>`,
      ...(n > 0 && { inReplyTo: '<m0@out.test>', references: '<m0@out.test>' })
    })
  for (const name of ['list_inbox_threads', 'search_threads']) {
    const { data, text } = await call(name, { expandThreads: true })
    type Expanded = { subject: string; messages: { body: string; truncated: boolean }[] }
    const threads = new Map((data.threads as Expanded[]).map((one) => [one.subject, one.messages]))
    t.match(threads.get('Tea'), [{ body: 'Tea at four?' }, { body: /^At five\.\s*$/ }], name)
    t.match(threads.get('Long'), [{ truncated: true }])
    t.same(
      threads.get('Re: Many')?.map(({ body }) => body.trim()),
      ['Number 2.', 'Number 3.', 'Number 4.', 'Number 5.', 'Number 6.'],
      'the newest of many, newest last'
    )
    t.match(text, /Tea at four\?\s+--- message \w+ \| .*At five/s)
    t.ok(text.length < 26_000, 'an answer stays within its bounds')
  }
  t.equal(reported.filter((one) => one.startsWith('messages.get')).length, 1, 'that of the reply')
  const plain = await call('search_threads', {})
  t.notMatch(JSON.stringify(plain.data), 'truncated', 'only where it is asked for')
})

t.test(
  'who waits for whom is found, without newsletters, drafts and notes to oneself',
  async (t) => {
    const { sandbox, email, call } = await openGmailSession(t)
    const box = sandbox.mailbox(email)
    const letter = (subject: string, head: readonly string[] = []) =>
      box.deliver(
        [
          'From: Bo <bo@out.test>',
          `To: ${email}`,
          `Subject: ${subject}`,
          `Message-ID: <${subject.replaceAll(' ', '.')}@out.test>`,
          ...head,
          '',
          'text'
        ].join('\r\n')
      )
    letter('asks me')
    letter('newsletter', ['List-Unsubscribe: <https://out.test/u>'])
    letter('list', ['List-Id: <l.out.test>'])
    letter('robot', ['Precedence: bulk'])
    const done = letter('done')
    const drafted = letter('drafted')
    await call('reply_to_email', { messageId: done.id, body: 'here you are' })
    await call('reply_to_email', { messageId: drafted.id, body: 'soon', asDraft: true })
    await call('send_email', { to: ['zoe@out.test'], subject: 'I ask', body: 'when?' })
    await call('send_email', { to: [email], subject: 'note', body: 'to myself' })

    const found = await call('find_unanswered')
    t.same(subjects(found.data, 'waitForMe').toSorted(), ['asks me', 'drafted'])
    t.same(subjects(found.data, 'iWaitFor').toSorted(), ['I ask', 'Re: done'])
    t.match(found.data, { leftOut: { automatic: 4, notLookedAt: 0 } })
    t.match(found.text, /zoe@out\.test/)

    const mine = await call('find_unanswered', { side: 'me', query: 'from:bo subject:asks' })
    t.same(subjects(mine.data, 'waitForMe'), ['asks me'])
    t.same(subjects(mine.data, 'iWaitFor'), [])
  }
)

// Google's quota page of 2026-05-01: messages.list 5 units, messages.get 20.
t.test(
  'fifty conversations cost less than 500 units of quota, and what is left out is said',
  async (t) => {
    const { sandbox, email, call } = await openGmailSession(t)
    const box = sandbox.mailbox(email)
    for (let n = 0; n < 50; n += 1)
      box.deliver({ from: `Bo <bo${n}@out.test>`, subject: `ask ${n}`, text: 'x' })
    const before = sandbox.quota.total(email)
    const found = await call('find_unanswered', { days: 30 })
    t.ok(sandbox.quota.total(email) - before <= 500)
    t.match(found.data, { conversations: 50, leftOut: { automatic: 0, notLookedAt: 28 } })
    t.match(found.text, /28 conversations were not looked at/)
  }
)
