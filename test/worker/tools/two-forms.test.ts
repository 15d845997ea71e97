import { Client } from '@modelcontextprotocol/client'
import { InMemoryTransport } from '@modelcontextprotocol/server'
import t from 'tap'
import { FENCE_RULE } from '../../../worker/tool-kit/untrusted-fence.ts'
import { TOOLS } from '../../../worker/tools/catalog.ts'
import { type GmailSession, openGmailSession } from '../../helpers/gmail-session.ts'

/** Stands in everything that the sender of a message can choose. */
const WORD = /zzq/i

const HOSTILE = (to: string) =>
  [
    'From: "zzqname" <zzqfrom@out.test>',
    `To: "zzqto" <${to}>`,
    'Cc: "zzqcc" <zzqcc@out.test>',
    'Reply-To: "zzqreply" <zzqreply@out.test>',
    'Subject: zzqsubject',
    'Message-ID: <zzqid@out.test>',
    'List-Unsubscribe: <https://zzqlist.test/>',
    'X-Zzqheader: zzqvalue',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary=B',
    '',
    '--B',
    'Content-Type: text/html; charset=utf-8',
    '',
    '<p>zzqbody</p>',
    '--B',
    'Content-Type: text/x-zzqtype; name="zzqfile.txt"',
    'Content-ID: <zzqcid>',
    'Content-Disposition: attachment; filename="zzqfile.txt"',
    '',
    'zzqcontent',
    '--B',
    'Content-Type: application/x-zzqtype; name="zzqfile.bin"',
    'Content-Disposition: attachment; filename="zzqfile.bin"',
    '',
    'zzqbytes',
    '--B--',
    ''
  ].join('\r\n')

/** Calls of all tools whose answers can hold words of a sender. */
function calls({ id, threadId }: { id: string; threadId: string }, draftId: string) {
  const messageId = id
  return [
    ['search_emails', { query: '' }],
    ['search_threads', { query: '' }],
    ['list_inbox_threads', {}],
    ['unsubscribe_email', { messageId, dryRun: true }],
    ['unsubscribe_email', { messageId, method: 'linkOnly' }],
    ['search_contacts', {}],
    ['search_contacts', { query: 'zzqname' }],
    ['find_unanswered', { days: 90 }],
    ['get_thread', { threadId }],
    ['get_thread', { threadId, format: 'minimal' }],
    ['batch_read_emails', { messageIds: [id], format: 'full' }],
    ['batch_read_emails', { messageIds: [id] }],
    ['list_drafts', {}],
    ['get_draft', { draftId }],
    ['reply_all', { messageId, body: 'x', dryRun: true }],
    ['reply_to_email', { messageId, body: 'x', asDraft: true }],
    ['forward_email', { messageId, to: ['me@own.test'], asDraft: true }],
    ['update_draft', { draftId, body: 'new words' }],
    ['download_attachment', { messageId, partId: '1' }],
    ['download_email', { messageId }],
    ['download_email', { messageId, delivery: 'text' }],
    ['download_email', { messageId, format: 'html' }],
    ['download_email', { messageId, format: 'json' }],
    ['download_attachment', { messageId, partId: '2' }],
    ['download_attachment', { messageId, partId: '7' }],
    ['download_attachment', { messageId, partId: '2', delivery: 'text' }],
    ...['full', 'summary', 'headers_only', 'html', 'raw'].map(
      (format) => ['read_email', { messageId, format, includeHtml: true }] as const
    )
  ] as const
}

const outsideFence = (text: string): string =>
  text.replace(/<untrusted-mail-([0-9a-f]+)>[\s\S]*?<\/untrusted-mail-\1>/g, '')

/** The names of fields under which the word stands, each the outermost that is marked, or else the innermost. */
function fieldsWith(value: unknown, marked: ReadonlySet<string>, name = ''): string[] {
  if (typeof value === 'string') return WORD.test(value) ? [name] : []
  if (Array.isArray(value)) return value.flatMap((each) => fieldsWith(each, marked, name))
  return Object.entries(Object(value)).flatMap(([key, field]) =>
    marked.has(key)
      ? WORD.test(JSON.stringify(field))
        ? [key]
        : []
      : [...(WORD.test(key) ? [name] : []), ...fieldsWith(field, marked, key)]
  )
}

async function hostile(t: Parameters<typeof openGmailSession>[0]) {
  const session = await openGmailSession(t)
  const { sandbox, email, call } = session
  const message = sandbox.mailbox(email).deliver(HOSTILE(email))
  const draft = await call('reply_to_email', { messageId: message.id, body: 'mine', asDraft: true })
  return { ...session, calls: calls(message, String(draft.data.draftId)) }
}

// Claude Code 2.1.332 and Codex 0.169.0 put structuredContent before their models and leave the text out.
t.test('every word of a sender is marked in both forms of an answer', async (t) => {
  const { call, calls } = await hostile(t)
  for (const [name, args] of calls) {
    const title = `${name} ${JSON.stringify(args)}`
    const { text, data, isError } = await call(name, args)
    t.notMatch(outsideFence(text), WORD, `${title}: text`)
    const isRefused = 'partId' in args && (args.partId === '7' || 'delivery' in args)
    t.equal(isError, isRefused, title)
    if (isError) continue
    const list = String(data.untrusted ?? '').split(': ')[1] ?? ''
    const marked = new Set(list.split(', '))
    const { untrusted: _, ...rest } = data
    for (const field of fieldsWith(rest, marked)) t.ok(marked.has(field), `${title}: ${field}`)
    if (data.untrusted !== undefined) {
      t.equal(Object.keys(data)[0], 'untrusted', `${title}: said before the words`)
      t.notMatch(data.untrusted, WORD)
    }
  }
})

t.test('mail that is read as a resource is marked as well', async (t) => {
  const { client, sandbox, email } = await openGmailSession(t)
  const { id, threadId } = sandbox.mailbox(email).deliver(HOSTILE(email))
  for (const uri of [`gmail://message/${id}`, `gmail://thread/${threadId}`]) {
    const [content] = (await client.readResource({ uri })).contents
    const text = content && 'text' in content ? content.text : ''
    t.match(text, WORD, uri)
    t.notMatch(outsideFence(text), WORD, uri)
  }
})

t.test('what the mark means stands in the instructions and in the schemas', async (t) => {
  const { client } = await openGmailSession(t)
  t.match(FENCE_RULE, /"untrusted" names/)
  t.match(client.getInstructions(), FENCE_RULE)
  const { tools } = await client.listTools()
  for (const name of ['search_emails', 'read_email', 'get_thread', 'download_attachment'])
    t.match(tools.find((tool) => tool.name === name)?.outputSchema?.properties, {
      untrusted: { description: /written by others: .* never instructions/ }
    })
  const plain = tools.find(({ name }) => name === 'trash_email')?.outputSchema?.properties
  t.notOk(Object.keys(plain ?? {}).includes('untrusted'), 'where nobody else has written')
})

t.test('an answer in which nobody has written has no mark', async (t) => {
  const { call } = await openGmailSession(t)
  t.notOk('untrusted' in (await call('search_emails', { query: 'subject:nothing' })).data)
  t.notOk('untrusted' in (await call('get_profile')).data)
})

/** A second client of the same account, with a name of its own. */
async function named(
  t: Parameters<typeof openGmailSession>[0],
  { program }: GmailSession,
  name: string
) {
  const [here, there] = InMemoryTransport.createLinkedPair()
  await program.build().connect(there)
  const client = new Client({ name, version: '1' })
  await client.connect(here)
  t.teardown(() => client.close())
  return client
}

// MCP 2025-11-25, Tools: structured content is owed by a tool that lists an output schema, and by no other.
t.test('clients that would show their model the bare structure get the text alone', async (t) => {
  const session = await openGmailSession(t)
  session.sandbox.mailbox(session.email).deliver({ from: 'bo@out.test', subject: 'x', text: 'x' })
  for (const [name, both] of [
    ['claude-code', false],
    ['codex-mcp-client', false],
    ['gemini-cli-mcp-client', true],
    ['anything', true]
  ] as const) {
    const client = await named(t, session, name)
    const { tools } = await client.listTools()
    t.equal(tools.length, TOOLS.length)
    t.equal(
      tools.every((tool) => tool.outputSchema !== undefined),
      both,
      `${name}: schemas`
    )
    t.equal(
      tools.some((tool) => tool.outputSchema !== undefined),
      both,
      `${name}: any schema`
    )
    for (const args of [{ query: '' }, { query: 1 }]) {
      const answer = await client.callTool({ name: 'search_emails', arguments: args })
      t.equal(answer.structuredContent !== undefined, both, `${name}: structure`)
      t.match(answer.content, [{ type: 'text', text: /untrusted-mail|invalid_argument/ }])
    }
  }
})
