import type { Tool } from '@modelcontextprotocol/client'
import { encode } from 'gpt-tokenizer/encoding/o200k_base'
import t from 'tap'
import { SIGN_IN_TOOL_NAMES, TOOL_NAMES } from '#shared/tool-names.ts'
import {
  OPEN_POLICY,
  type OperatorPolicy,
  type PersonPolicy,
  TOOL_MODES,
  TOOL_SETS,
  type ToolPolicy
} from '#shared/tool-policy.ts'
import { shownEntries } from '../../../worker/server/list-entries.ts'
import { whyNotOffered } from '../../../worker/server/offered-tools.ts'
import { LISTED_TOOLS } from '../../../worker/server/tool-list.ts'
import { type GmailSession, openGmailSession } from '../../helpers/gmail-session.ts'

const ACCOUNT = 'https://gateway.test/account'

const policy = (
  operator: Partial<OperatorPolicy>,
  person: Partial<PersonPolicy> = {}
): ToolPolicy => ({
  operator: { ...OPEN_POLICY.operator, ...operator },
  person: { ...OPEN_POLICY.person, ...person }
})

const namesOf = async ({ client }: GmailSession) =>
  (await client.listTools()).tools.map(({ name }) => name)

/** What Anthropic's, OpenAI's and Google's APIs are given of a tool: its name, its words, what it takes. */
const tokens = (tools: readonly Tool[]): number =>
  tools.reduce(
    (sum, { name, description, inputSchema }) =>
      sum + encode(JSON.stringify({ name, description, input_schema: inputSchema })).length,
    0
  )

/** All that can be listed with this set, signed in by tools and with every level. */
function listOf(set: (typeof TOOL_SETS)[number]): Tool[] {
  const chosen = policy({ set })
  const all = [...SIGN_IN_TOOL_NAMES, ...TOOL_NAMES].flatMap((name) => LISTED_TOOLS[name] ?? [])
  return shownEntries(
    all.filter(({ name, annotations = {} }) => !whyNotOffered({ name, annotations }, chosen)),
    set
  )
}

const SIZES = [
  'core: 16 tools, 2750 tokens',
  'extended: 53 tools, 9500 tokens',
  'all: 58 tools, 10250 tokens'
]

// A model that is shown 50 tools chooses worse among them, and each of them is paid for in each of its turns.
t.test('the sets are as large as this, in tokens of o200k', (t) => {
  const core = listOf('core')
  t.ok(core.length <= 16, `${core.length} tools`)
  t.ok(tokens(core) <= 3000, `${tokens(core)} tokens`)
  // Rounded, so that a word more is no change and a tool more is one.
  const sizes = TOOL_SETS.map((set) => {
    const list = listOf(set)
    return `${set}: ${list.length} tools, ${Math.round(tokens(list) / 250) * 250} tokens`
  })
  t.same(sizes, SIZES)
  t.end()
})

t.test(
  'the six that write a message explain their arguments once, whichever of them is listed',
  async (t) => {
    const six = /^(send_email|draft_email|reply_to_email|reply_all|forward_email|update_draft)$/
    for (const level of ['gmail.modify', 'gmail.draft'] as const) {
      const { client } = await openGmailSession(t, { level })
      const [first, ...others] = (await client.listTools()).tools.filter(({ name }) =>
        six.test(name)
      )
      const words = (tool: Tool | undefined) =>
        Object(tool?.inputSchema.properties?.attachments).items.properties.filename.description
      t.ok(words(first), `${first?.name} explains`)
      for (const other of others) {
        t.equal(words(other), undefined, `${other.name} does not`)
        t.match(other.description, `as in ${first?.name}.`)
      }
    }
  }
)

t.test(
  'core has fewer arguments to show, answers as text, and takes all arguments still',
  async (t) => {
    const session = await openGmailSession(t, { policy: policy({}, { set: 'core' }) })
    const { tools } = await session.client.listTools()
    const send = tools.find(({ name }) => name === 'send_email')
    t.notOk(tools.some(({ outputSchema }) => outputSchema))
    t.notOk(Object.keys(send?.inputSchema.properties ?? {}).includes('headers'))
    const answer = await session.call('send_email', {
      to: ['bob@acme.test'],
      subject: 'Tea',
      body: 'At four?',
      headers: ['X-Kind: tea']
    })
    t.notOk(answer.isError, answer.text)
    t.same(answer.data, {}, 'one form')
    const sent = session.sandbox.mailbox(session.email).bySubject('Tea')
    const read = await session.call('read_email', { messageId: sent?.id, format: 'raw' })
    t.match(read.text, 'X-Kind: tea')
  }
)

t.test('the smaller set of the two counts, and a mode of either', async (t) => {
  const small = await openGmailSession(t, { policy: policy({ set: 'all' }, { set: 'core' }) })
  t.same(
    await namesOf(small),
    await namesOf(await openGmailSession(t, { policy: policy({ set: 'core' }, { set: 'all' }) }))
  )
  const read = await openGmailSession(t, { policy: policy({ modes: ['read-only'] }) })
  const { tools } = await read.client.listTools()
  t.ok(tools.length > 10)
  t.ok(tools.every(({ annotations }) => annotations?.readOnlyHint))
  const kept = await namesOf(
    await openGmailSession(t, { policy: policy({}, { modes: ['no-delete'] }) })
  )
  const gone = TOOL_NAMES.filter((name) => !kept.includes(name))
  t.same(gone, [
    'delete_draft',
    'delete_email',
    'batch_delete_emails',
    'delete_label',
    'delete_filter'
  ])
})

t.test(
  'what is not offered is not done, and its call says who has decided and what to do',
  async (t) => {
    const message = (to: string) => ({ to: [to], subject: 'No', body: 'no' })
    const cases = [
      [policy({ disabled: ['send_email'] }), 'send_email', /switched off: .*DISABLED_TOOLS/],
      [
        policy({ modes: ['draft-only'] }),
        'send_email',
        /the mode is draft-only, as whoever runs this server has set/
      ],
      [
        policy({}, { modes: ['read-only'] }),
        'draft_email',
        new RegExp(`read-only, as the user has chosen.* at ${ACCOUNT}; then call it again`)
      ],
      [
        policy({}, { set: 'core' }),
        'update_signature',
        /of the set "all" and the set here is "core"/
      ]
    ] as const
    for (const [chosen, name, why] of cases) {
      const session = await openGmailSession(t, { policy: chosen, accountUrl: ACCOUNT })
      t.notOk((await namesOf(session)).includes(name), name)
      const answer = await session.call(name, message('bob@acme.test'))
      t.ok(answer.isError)
      t.match(answer.text, /^not_offered: /)
      t.match(answer.text, why)
      t.same(session.reported, [], 'Gmail was not asked')
      t.same(session.sandbox.mailbox(session.email).messages, [])
    }
  }
)

t.test('with draft-only an answer can be saved and not sent', async (t) => {
  const session = await openGmailSession(t, { policy: policy({}, { modes: ['draft-only'] }) })
  const { id } = session.sandbox
    .mailbox(session.email)
    .deliver({ from: 'bo@out.test', subject: 'Tea', text: 'Tea?' })
  const sent = await session.call('reply_to_email', { messageId: id, body: 'yes' })
  t.match(sent, { isError: true, text: /asDraft: true/ })
  const saved = await session.call('reply_to_email', { messageId: id, body: 'yes', asDraft: true })
  t.notOk(saved.isError, saved.text)
  t.equal(session.sandbox.mailbox(session.email).bySubject('Re: Tea')?.labelIds.has('SENT'), false)
})

t.test('another choice holds from the next call on', async (t) => {
  const session = await openGmailSession(t)
  session.program.granted(['https://mail.google.com/'], policy({}, { modes: ['read-only'] }))
  t.match(await session.call('trash_email', { messageId: 'x' }), {
    isError: true,
    text: /read-only/
  })
  t.notOk((await namesOf(session)).includes('trash_email'))
})

t.test('each mode says what it is about, for each tool', (t) => {
  for (const mode of TOOL_MODES)
    for (const name of TOOL_NAMES) {
      const { annotations = {} } = LISTED_TOOLS[name] ?? {}
      const why = whyNotOffered(
        { name, annotations, level: 'gmail.full' },
        policy({ modes: [mode] })
      )
      if (why !== undefined) t.match(why, `the mode is ${mode}`)
    }
  t.end()
})

t.test('what is disabled is not to be had as a resource either', async (t) => {
  const session = await openGmailSession(t, { policy: policy({ disabled: ['read_email'] }) })
  const { id, threadId } = session.sandbox
    .mailbox(session.email)
    .deliver({ from: 'bo@out.test', subject: 'Tea', text: 'Tea?' })
  const { resourceTemplates } = await session.client.listResourceTemplates()
  t.same(
    resourceTemplates.map(({ name }) => name),
    ['thread', 'attachment']
  )
  await t.rejects(session.client.readResource({ uri: `gmail://message/${id}` }))
  const { contents } = await session.client.readResource({ uri: `gmail://thread/${threadId}` })
  t.match(contents, [{ text: /Tea\?/ }])
})

t.test('a prompt names tools that the core set has, or says what to take instead', async (t) => {
  const session = await openGmailSession(t, { policy: policy({}, { set: 'core' }) })
  const offered = new Set(await namesOf(session))
  for (const { name } of (await session.client.listPrompts()).prompts) {
    const { messages } = await session.client
      .getPrompt({
        name,
        arguments: { messageId: 'x', threadId: 'x' }
      })
      .catch(() => session.client.getPrompt({ name }))
    const text = JSON.stringify(messages)
    for (const tool of TOOL_NAMES.filter((each) => text.includes(each) && !offered.has(each)))
      t.match(text, `${tool}, or search_emails where that is not offered`, `${name}: ${tool}`)
  }
})
