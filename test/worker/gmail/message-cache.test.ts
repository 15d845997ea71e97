import t from 'tap'
import { ToolError } from '../../../shared/tool-error.ts'
import type { Mailbox, Message } from '../../../worker/gmail/mailbox.ts'
import { MessageCache } from '../../../worker/gmail/message-cache.ts'
import { UNITS } from '../../../worker/gmail/quota-units.ts'
import { type GmailSession, openGmailSession } from '../../helpers/gmail-session.ts'

const SIGNAL = new AbortController().signal

/** Quota units of what was asked since the last time. */
function spent({ reported }: GmailSession): number {
  const asked = reported.splice(0)
  return asked.reduce((sum, each) => {
    const [method = ''] = each.split(' ')
    return sum + (Object.hasOwn(UNITS, method) ? UNITS[method as keyof typeof UNITS] : 0)
  }, 0)
}

const deliver = ({ sandbox, email }: GmailSession, subject: string, more: object = {}) =>
  sandbox
    .mailbox(email)
    .deliver({ from: 'bo@out.test', subject, text: `About ${subject}.`, ...more })

/** Somebody else at the same mailbox: a phone, or Gmail in a browser. */
const elsewhere = ({ sandbox, email }: GmailSession, t: Parameters<typeof openGmailSession>[0]) =>
  openGmailSession(t, { sandbox, email })

// Quota page of the Gmail API since 2026-05-01: messages.get 20, threads.get 40, history.list 2 units.
t.test(
  'what was found by a search is read, and its thread, for the price of a look at the changes',
  async (t) => {
    const session = await openGmailSession(t)
    const { id, threadId } = deliver(session, 'Tea')
    deliver(session, 'Coffee')
    await session.call('search_emails', { query: 'subject:Tea' })
    spent(session)
    const read = await session.call('read_email', { messageId: id })
    t.match(read.data, { body: 'About Tea.', unread: true })
    t.equal(spent(session), UNITS['history.list'])
    await session.call('search_emails', { query: 'subject:Tea' })
    t.equal(spent(session), UNITS['messages.list'] + 2)
    await session.call('get_thread', { threadId })
    t.equal(spent(session), UNITS['threads.get'], 'who is in a thread is asked once')
    t.match((await session.call('get_thread', { threadId })).data, { messageCount: 1 })
    t.equal(spent(session), 2)
  }
)

t.test('labels are those of now, whoever has changed them', async (t) => {
  const session = await openGmailSession(t)
  const other = await elsewhere(session, t)
  const { id, threadId } = deliver(session, 'Tea')
  const labels = async () => {
    const { data } = await session.call('read_email', { messageId: id })
    const labels = (data.labels as string[]).filter((label) => !label.startsWith('CATEGORY_'))
    return { unread: data.unread, labels: labels.sort() }
  }
  t.match(await labels(), { unread: true, labels: ['INBOX', 'UNREAD'] })
  await other.call('modify_email', { messageId: id, markAs: 'read', star: true })
  t.match(await labels(), { unread: false, labels: ['INBOX', 'STARRED'] }, 'changed elsewhere')
  await session.call('modify_email', { messageId: id, archive: true })
  t.match(await labels(), { labels: ['STARRED'] }, 'changed here')
  await other.call('batch_modify_emails', { messageIds: [id], addLabelIds: ['IMPORTANT'] })
  await session.call('modify_thread', { threadId, removeLabelIds: ['STARRED'] })
  t.match(await labels(), { labels: ['IMPORTANT'] }, 'changed in both places')
  await session.call('trash_email', { messageId: id })
  t.match(await labels(), { labels: ['IMPORTANT', 'TRASH'] })
})

t.test('a thread has the messages of now', async (t) => {
  const session = await openGmailSession(t)
  const other = await elsewhere(session, t)
  const first = deliver(session, 'Tea')
  const thread = async () => {
    const { data } = await session.call('get_thread', { threadId: first.threadId })
    return (data.messages as { id: string; body: string }[]).map(({ body }) => body)
  }
  t.same(await thread(), ['About Tea.'])
  spent(session)
  await other.call('reply_to_email', {
    messageId: first.id,
    body: 'Yes, tea.',
    quoteOriginal: false
  })
  t.same(await thread(), ['About Tea.', 'Yes, tea.'], 'sent elsewhere')
  t.equal(spent(session), 2 + UNITS['messages.get'], 'the new one alone is fetched')
  await session.call('reply_to_email', {
    messageId: first.id,
    body: 'At four.',
    quoteOriginal: false
  })
  t.same(await thread(), ['About Tea.', 'Yes, tea.', 'At four.'], 'sent here')
  await other.call('delete_email', { messageId: first.id, confirm: true })
  t.same(await thread(), ['Yes, tea.', 'At four.'], 'deleted elsewhere')
  t.match(await session.call('read_email', { messageId: first.id }), {
    isError: true,
    text: /^not_found/
  })
})

t.test('many messages of one thread are fetched as one', async (t) => {
  const session = await openGmailSession(t)
  const { id } = deliver(session, 'Tea')
  for (const body of ['one', 'two', 'three'])
    await session.call('reply_to_email', { messageId: id, body, quoteOriginal: false })
  const fresh = await elsewhere(session, t)
  spent(fresh)
  const { data } = await fresh.call('search_emails', { query: 'subject:Tea' })
  t.equal((data.emails as unknown[]).length, 4)
  t.equal(
    spent(fresh),
    UNITS['messages.list'] + UNITS.getProfile + UNITS['threads.get'] + 2 + UNITS['labels.list']
  )
})

t.test('with another grant nothing is held any more', async (t) => {
  const session = await openGmailSession(t)
  const { id } = deliver(session, 'Tea')
  await session.call('read_email', { messageId: id })
  session.program.granted(['https://www.googleapis.com/auth/gmail.readonly'])
  spent(session)
  await session.call('read_email', { messageId: id })
  t.equal(spent(session), UNITS.getProfile + UNITS['messages.get'])
})

/** A mailbox whose answers are made up; it notes what it is asked. */
function scripted(answer: (method: string, params: { id?: string }) => unknown) {
  const asked: string[] = []
  const mailbox: Mailbox = {
    address: 'ann@acme.test',
    unitsLeft: 6000,
    call: async (method, params) => {
      asked.push(method)
      const made = await answer(method, { ...Object(params) })
      if (made instanceof Error) throw made
      return Object(made)
    }
  }
  return { asked, cache: new MessageCache(mailbox) }
}

const message = (id: string, chars = 0): Message => ({
  id,
  threadId: id,
  labelIds: ['INBOX'],
  payload: { body: { data: 'x'.repeat(chars) } }
})

const usual = (method: string, chars = 0, id = ''): unknown => {
  if (method === 'getProfile') return { historyId: '100' }
  return method === 'history.list' ? { historyId: '100' } : message(id, chars)
}

const get = (cache: MessageCache, id: string) =>
  cache.call('messages.get', { id, format: 'full' }, SIGNAL)

t.test('no more is held than 8 MB, the latest used; no message of more than 256 KB', async (t) => {
  const { asked, cache } = scripted((method, { id }) =>
    usual(method, id === 'huge' ? 300_000 : 200_000, id)
  )
  await get(cache, 'huge')
  await get(cache, 'huge')
  t.same(asked, ['getProfile', 'messages.get', 'messages.get'])
  for (let n = 0; n < 50; n += 1) await get(cache, `m${n}`)
  asked.length = 0
  await get(cache, 'm49')
  t.same(asked, ['history.list'])
  await get(cache, 'm0')
  t.same(asked, ['history.list', 'messages.get'], 'the oldest had to go')
})

t.test('a change while a message is on its way is not missed', async (t) => {
  const arrives = Promise.withResolvers<void>()
  let place = 100
  const changes: { id: number; labelsAdded: object[] }[] = []
  const { cache } = scripted(async (method, params: { id?: string; startHistoryId?: string }) => {
    if (method === 'getProfile') return { historyId: `${place}` }
    if (method === 'history.list')
      return {
        historyId: `${place}`,
        history: changes.filter(({ id }) => id > Number(params.startHistoryId))
      }
    const read = message(params.id ?? '')
    if (params.id === 'slow') await arrives.promise
    return read
  })
  await get(cache, 'quick')
  const slow = get(cache, 'slow') // read at Gmail before the change, here after it
  await new Promise(setImmediate)
  place = 101
  changes.push({ id: 101, labelsAdded: [{ message: { id: 'slow' }, labelIds: ['STARRED'] }] })
  await get(cache, 'quick') // the change is followed, and passes by what is not there yet
  arrives.resolve()
  t.same((await slow).labelIds, ['INBOX'])
  t.same((await get(cache, 'slow')).labelIds, ['INBOX', 'STARRED'])
})

// gmail: history is kept for about a week; 404 means that everything is to be read anew.
t.test('where changes are not told, messages are fetched', async (t) => {
  let trouble: ToolError | undefined
  const { asked, cache } = scripted((method, { id }) =>
    method === 'history.list' && trouble ? trouble : usual(method, 0, id)
  )
  await get(cache, 'a')
  trouble = new ToolError('not_found', 'too old')
  asked.length = 0
  await get(cache, 'a')
  t.same(asked, ['history.list', 'getProfile', 'messages.get'], 'from a new place on')
  trouble = new ToolError('upstream_unavailable', 'away')
  asked.length = 0
  await get(cache, 'a')
  t.same(asked, ['history.list', 'messages.get'])
  trouble = undefined
  asked.length = 0
  await get(cache, 'a')
  t.same(asked, ['history.list'])
})

t.test('too many changes are not followed', async (t) => {
  const { asked, cache } = scripted((method, { id }) =>
    method === 'history.list' ? { historyId: '9', nextPageToken: 'more' } : usual(method, 0, id)
  )
  await get(cache, 'a')
  asked.length = 0
  await get(cache, 'a')
  t.same(asked, ['history.list', 'history.list', 'history.list', 'getProfile', 'messages.get'])
})

t.test('many who ask at once look at the changes once', async (t) => {
  const { asked, cache } = scripted((method, { id }) => usual(method, 0, id))
  for (const id of ['a', 'b', 'c']) await get(cache, id)
  asked.length = 0
  await Promise.all(['a', 'b', 'c', 'a'].map((id) => get(cache, id)))
  t.same(asked, ['history.list'])
})

t.test('an attachment whose id has grown old is found under its new one', async (t) => {
  let age = 1
  const { cache } = scripted((method, { id }) => {
    if (method === 'attachments.get')
      return id === `id${age}`
        ? { data: 'eA' }
        : new ToolError('invalid_argument', 'Invalid attachment token')
    const parts = [{ partId: '1', filename: 'a.pdf', body: { attachmentId: `id${age}` } }]
    return method === 'messages.get' ? { id, payload: { parts } } : usual(method)
  })
  await get(cache, 'a')
  age = 2
  const fetched = await cache.call('attachments.get', { messageId: 'a', id: 'id1' }, SIGNAL)
  t.equal(fetched.data, 'eA')
  const unknown = cache.call('attachments.get', { messageId: 'a', id: 'never' }, SIGNAL)
  await t.rejects(unknown, { code: 'invalid_argument' })
})

t.test('whoever gives up does not wait, and the others get what they asked for', async (t) => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const { cache } = scripted(async (method, { id }) => {
    if (method === 'history.list') await promise
    return usual(method, 0, id)
  })
  await get(cache, 'a')
  const aborted = new AbortController()
  const impatient = cache.call('messages.get', { id: 'a' }, aborted.signal)
  const patient = get(cache, 'a')
  aborted.abort(new Error('gone'))
  await t.rejects(impatient, /gone/)
  resolve()
  t.match(await patient, { id: 'a' })
})

t.test(
  'a message that a search finds is not missing in its thread, though no change tells of it',
  async (t) => {
    const threads = [['a'], ['a', 'b']]
    const { cache } = scripted((method, { id }) => {
      if (method === 'threads.get')
        return { id, messages: (threads.shift() ?? []).map((each) => message(each)) }
      return method === 'messages.list'
        ? { messages: [{ id: 'b', threadId: 'a' }] }
        : usual(method, 0, id)
    })
    const read = () => cache.call('threads.get', { id: 'a', format: 'full' }, SIGNAL)
    t.equal((await read()).messages?.length, 1)
    t.equal((await read()).messages?.length, 1)
    await cache.call('messages.list', { q: '' }, SIGNAL)
    t.equal((await read()).messages?.length, 2)
  }
)

t.test(
  'what is sent here is in its thread at once, though no change tells of it yet',
  async (t) => {
    const { cache } = scripted((method, { id }) => {
      if (method === 'threads.get') return { id, messages: [message('a')] }
      return method === 'messages.send' ? { id: 'b', threadId: 'a' } : usual(method, 0, id)
    })
    await cache.call('threads.get', { id: 'a', format: 'full' }, SIGNAL)
    await cache.call('messages.send', { requestBody: { raw: '', threadId: 'a' } }, SIGNAL)
    const { messages } = await cache.call('threads.get', { id: 'a', format: 'full' }, SIGNAL)
    t.same(
      messages?.map(({ id }) => id),
      ['a', 'b']
    )
  }
)
