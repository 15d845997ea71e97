import t from 'tap'
import { openGmailSession } from '../../helpers/gmail-session.ts'

const INVALID_PARAMS = -32_602

t.test(
  'every prompt says what to do with which tools, and that nothing happens unasked',
  async (t) => {
    const { client } = await openGmailSession(t)
    const { prompts } = await client.listPrompts()
    t.same(
      prompts.map(({ name }) => name),
      [
        'triage_inbox',
        'draft_reply',
        'summarize_thread',
        'cleanup_newsletters',
        'find_unanswered',
        'extract_action_items'
      ]
    )
    const { tools } = await client.listTools()
    for (const { name, arguments: args = [] } of prompts) {
      const given = Object.fromEntries(args.map((each) => [each.name, `the-${each.name}`]))
      const { messages } = await client.getPrompt({ name, arguments: given })
      const text = messages
        .map(({ content }) => (content.type === 'text' ? content.text : ''))
        .join()
      for (const each of args) t.match(text, `the-${each.name}`, `${name} uses ${each.name}`)
      t.match(text, /Change or send nothing before I agree/, name)
      const named =
        text
          .match(/\b[a-z]+(?:_[a-z]+)+\b/g)
          ?.filter((word) => word.endsWith('emails') || word.includes('thread')) ?? []
      for (const word of named)
        t.ok(
          tools.some((tool) => tool.name === word),
          `${name}: ${word}`
        )
      const required = args.filter((each) => each.required)
      if (required.length === 0)
        await t.resolves(client.getPrompt({ name }), `${name} needs nothing`)
      else await t.rejects(client.getPrompt({ name }), { code: INVALID_PARAMS })
    }
    await t.rejects(client.getPrompt({ name: 'toString' }), { code: INVALID_PARAMS })
    const { messages } = await client.getPrompt({
      name: 'triage_inbox',
      arguments: { label: 'My "own" work' }
    })
    t.match(JSON.stringify(messages), /label:\\\\?\\?"My own work/, 'a value cannot end its quotes')
  }
)

t.test('mail is there as resources, with the same marks as the tools', async (t) => {
  const { client, sandbox, email } = await openGmailSession(t)
  const { id, threadId } = sandbox.mailbox(email).deliver({
    from: 'Bo <bo@out.test>',
    subject: 'Canary subject',
    text: 'Canary body',
    attachments: [
      { filename: 'a.bin', mimeType: 'application/octet-stream', content: Buffer.from([1, 2, 3]) }
    ]
  })
  const { resources } = await client.listResources()
  t.same(
    resources.map(({ uri }) => uri),
    ['gmail://labels', 'gmail://help/search']
  )
  const { resourceTemplates } = await client.listResourceTemplates()
  t.equal(resourceTemplates.length, 3)
  const read = async (uri: string) => {
    const { contents } = await client.readResource({ uri })
    t.equal(contents.length, 1)
    t.equal(contents[0]?.uri, uri)
    return contents[0]
  }
  for (const uri of [`gmail://message/${id}`, `gmail://thread/${threadId}`]) {
    const content = await read(uri)
    const text = content && 'text' in content ? content.text : ''
    t.match(text, 'Canary body')
    const outside = text.replace(/<untrusted-mail-([0-9a-f]+)>[\s\S]*?<\/untrusted-mail-\1>/g, '')
    t.notMatch(outside, 'Canary', `${uri}: words of others are fenced`)
  }
  t.match(await read('gmail://labels'), { mimeType: 'text/plain', text: /INBOX/ })
  t.match(await read('gmail://help/search'), { text: /has:attachment/ })
  t.match(await read(`gmail://attachment/${id}/1`), {
    blob: Buffer.from([1, 2, 3]).toString('base64')
  })
  for (const uri of [
    'gmail://message/ffffffffffffffff',
    'gmail://message/',
    'gmail://message/a/b',
    'gmail://attachment/x',
    `gmail://attachment/${id}/99`,
    'gmail://help',
    'file:///etc/hosts',
    'gmail://message/%E0%A4%A'
  ])
    await t.rejects(client.readResource({ uri }), { code: INVALID_PARAMS }, uri)
})

t.test('labels, people and operators complete what is typed', async (t) => {
  const { client, sandbox, email, call } = await openGmailSession(t)
  sandbox.mailbox(email).deliver({ from: 'bo@out.test', subject: 'x', text: 'x' })
  await call('create_label', { name: 'Work/Urgent things' })
  await call('send_email', { to: ['Zoe <zoe@out.test>'], subject: 's', body: 'b' })
  const offered = async (prompt: string, name: string, value: string) =>
    (
      await client.complete({
        ref: { type: 'ref/prompt', name: prompt },
        argument: { name, value }
      })
    ).completion.values
  t.same(await offered('triage_inbox', 'label', 'wor'), ['Work/Urgent things'])
  t.same(await offered('find_unanswered', 'from', 'ZO'), ['zoe@out.test'])
  t.same(await offered('triage_inbox', 'query', 'newer_than:2d has:att'), [
    'newer_than:2d has:attachment'
  ])
  t.same(await offered('triage_inbox', 'query', '-label:work'), ['-label:work-urgent-things'])
  t.same(await offered('triage_inbox', 'query', 'x from:z'), ['x from:zoe@out.test'])
  t.same(await offered('draft_reply', 'intent', 'y'), [])
})

t.test('without a grant there is nothing to offer', async (t) => {
  const { client, program } = await openGmailSession(t)
  program.granted([])
  t.same((await client.listPrompts()).prompts, [])
  t.same((await client.listResources()).resources, [])
  t.same((await client.listResourceTemplates()).resourceTemplates, [])
})
