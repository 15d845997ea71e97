import t from 'tap'
import { walkParts } from '../../../ops/sandbox/mime/part.ts'
import { startSandbox } from '../../../ops/sandbox/sandbox.ts'
import { inventUsers } from '../../../ops/sandbox/sandbox-user.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

const NOW = Date.UTC(2026, 10, 20)

const start = async (seed = 1) => {
  const sandbox = await startSandbox({ users: inventUsers(12), seed, clock: new FakeClock(NOW) })
  t.teardown(() => sandbox.close())
  return sandbox
}

t.test('a mailbox holds mail of every kind that a reader must cope with', async (t) => {
  const sandbox = await start()
  const view = sandbox.mailbox(sandbox.users[0]?.email ?? '')
  const { messages } = view
  t.ok(messages.length >= 60)
  t.ok(
    [...view.threads.values()].filter((thread) => thread.length > 2).length >= 5,
    'conversations'
  )
  const parts = messages.flatMap(({ mail }) => [...walkParts(mail.root)])
  const types = new Set(parts.map(({ mimeType }) => mimeType))
  for (const type of [
    'text/calendar',
    'application/pdf',
    'image/png',
    'text/csv',
    'message/rfc822',
    'multipart/alternative',
    'multipart/related',
    'multipart/mixed'
  ]) {
    t.ok(types.has(type), type)
  }
  const charsets = new Set(parts.map(({ charset }) => charset?.toLowerCase()))
  for (const charset of ['iso-2022-jp', 'windows-1252', 'x-plant-7'])
    t.ok(charsets.has(charset), charset)
  const text = messages.map(({ mail }) => `${mail.subject} ${mail.text}`).join(' ')
  for (const script of ['Han', 'Hiragana', 'Greek', 'Arabic', 'Cyrillic']) {
    t.match(text, new RegExp(`\\p{Script=${script}}`, 'u'), script)
  }
  t.match(text, /\p{Emoji_Presentation}/u)
  t.match(text, /Ignore all previous instructions/)
  t.notMatch(text, '\ufffd', 'every charset is read')
  const withHeader = (name: string) => messages.filter(({ mail }) => mail.header(name)).length
  t.ok(withHeader('List-Unsubscribe') > withHeader('List-Unsubscribe-Post'))
  t.ok(withHeader('List-Unsubscribe-Post') > 2)
  for (const label of ['SPAM', 'TRASH', 'DRAFT', 'SENT', 'STARRED', 'UNREAD', 'IMPORTANT']) {
    t.ok(
      messages.some(({ labelIds }) => labelIds.has(label)),
      label
    )
  }
  t.match(view.labels.map(({ name }) => name).join(), 'Work/Projects/Lighthouse')
  t.equal(view.drafts.length, 3)
  t.ok(
    messages.some(({ mail }) => mail.subject === '') &&
      messages.some(({ mail }) => !mail.header('From'))
  )
  t.ok(messages.every(({ internalDate }) => internalDate <= NOW))
})

t.test('the same seed gives the same mail, another seed another', async (t) => {
  const sandboxes = [await start(), await start(), await start(2)]
  const [first, same, other] = sandboxes.map((sandbox) =>
    sandbox
      .mailbox(sandbox.users[0]?.email ?? '')
      .messages.map(({ id, mail }) => id + mail.raw.toString('latin1'))
      .join()
  )
  t.equal(first, same)
  t.not(first, other)
})

t.test('no two mailboxes share an id or a canary', async (t) => {
  const sandbox = await start()
  const ids = new Set<string>()
  for (const { email, canary = '' } of sandbox.users) {
    t.match(canary, /^canary\d{8}$/)
    for (const user of sandbox.users) {
      const { messages } = sandbox.mailbox(user.email)
      const found = messages.filter(({ mail }) => mail.text.includes(canary))
      t.equal(found.length > 2, user.email === email)
      t.equal(found.length > 0, user.email === email)
    }
    const { messages } = sandbox.mailbox(email)
    for (const { id } of messages) {
      t.match(id, /^[0-9a-f]{16}$/)
      t.notOk(ids.has(id))
      ids.add(id)
    }
  }
})

t.test(
  'sixty users start in well under a second, since mailboxes are filled when first opened',
  async (t) => {
    const before = performance.now()
    const sandbox = await startSandbox({ users: inventUsers(60) })
    t.teardown(() => sandbox.close())
    t.ok(performance.now() - before < 1000)
  }
)
