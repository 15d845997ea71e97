import { createServer } from 'node:http'
import { Client } from '@modelcontextprotocol/client'
import { createMcpHandler, InMemoryTransport } from '@modelcontextprotocol/server'
import t, { type Test } from 'tap'
import { googleScopesFor } from '#shared/access-levels.ts'
import { OPEN_POLICY, type Risk, type ToolPolicy } from '#shared/tool-policy.ts'
import type { ConfirmAnswer } from '#shared/worker-protocol.ts'
import {
  type GmailSession,
  openGmailSession,
  openToolSession
} from '../../helpers/gmail-session.ts'
import { modernRequest } from '../../helpers/mcp-http.ts'

type Answer = { action: 'accept' | 'decline' | 'cancel'; content?: { agree: boolean } }

const YES: Answer = { action: 'accept', content: { agree: true } }

const asking = (...confirm: Risk[]): ToolPolicy => ({
  ...OPEN_POLICY,
  person: { ...OPEN_POLICY.person, confirm }
})

/** A client of 2025-11-25 that shows its person forms; `asked` are the questions. */
async function withForms(t: Test, { program }: GmailSession, answers: Answer[]) {
  const [here, there] = InMemoryTransport.createLinkedPair()
  await program.build().connect(there)
  const client = new Client({ name: 'asker', version: '1' }, { capabilities: { elicitation: {} } })
  const asked: string[] = []
  client.setRequestHandler('elicitation/create', async ({ params }) => {
    asked.push(params.message)
    return answers.shift() ?? { action: 'cancel' }
  })
  await client.connect(here)
  t.teardown(() => client.close())
  const call = async (name: string, args: Record<string, unknown>) => {
    const { isError = false, content } = await client.callTool({ name, arguments: args })
    const [first] = content
    return { isError, text: first?.type === 'text' ? first.text : '' }
  }
  return { call, asked }
}

const deliver = ({ sandbox, email }: GmailSession, subject = 'Tea') =>
  sandbox.mailbox(email).deliver({ from: 'bo@out.test', subject, text: 'Tea?' })

t.test('to delete for good, the person is asked in words, whatever the model says', async (t) => {
  const session = await openGmailSession(t)
  const { id } = deliver(session)
  const answers: Answer[] = [
    { action: 'decline' },
    { action: 'accept', content: { agree: false } },
    YES
  ]
  const { call, asked } = await withForms(t, session, answers)
  const there = () => session.sandbox.mailbox(session.email).message(id) !== undefined
  for (const _ of ['declined', 'accepted without the tick']) {
    const refused = await call('delete_email', { messageId: id, confirm: true })
    t.match(refused, { isError: true, text: /^declined: Nothing was done: the user did not agree/ })
    t.ok(there())
  }
  t.match(await call('delete_email', { messageId: id }), { isError: false })
  t.notOk(there())
  t.equal(asked.length, 3)
  t.match(asked[0], /Delete one message for good\. This cannot be undone\.\n.* bo@out\.test: Tea/)
  const other = deliver(session, 'Coffee')
  answers.push(YES)
  t.match(await call('batch_delete_emails', { messageIds: [other.id] }), { isError: false })
})

/** One request of 2026-07-28. */
async function modern(t: Test, { program }: GmailSession) {
  const handler = createMcpHandler(() => program.build(), { legacy: 'reject' })
  t.teardown(() => handler.close())
  return async (
    name: string,
    args: object,
    more: object = {},
    capabilities: object = { elicitation: {} }
  ) => {
    const response = await handler.fetch(modernRequest(name, args, { more, capabilities }))
    const text = await response.text()
    return Object(
      JSON.parse(text.startsWith('{') ? text : (/^data: (\{.*)$/m.exec(text)?.[1] ?? '{}'))
    )
  }
}

// MCP 2026-07-28, Multi Round-Trip Requests: requestState is the client's to change, so it has to be proof against that.
t.test('clients of 2026-07-28 are asked between two requests, once for one act', async (t) => {
  const session = await openGmailSession(t)
  const [first, second] = [deliver(session), deliver(session, 'Coffee')]
  const ask = await modern(t, session)
  const mailbox = session.sandbox.mailbox(session.email)
  const { result } = await ask('delete_email', { messageId: first.id, confirm: true })
  t.match(result, {
    resultType: 'input_required',
    inputRequests: {
      confirmation: { method: 'elicitation/create', params: { message: /for good/ } }
    }
  })
  const back = { requestState: result.requestState, inputResponses: { confirmation: YES } }
  const other = await ask('delete_email', { messageId: second.id }, back)
  t.equal(other.result.resultType, 'input_required', 'the word was for another message')
  const changed = `${back.requestState.slice(0, -4)}AAAA`
  t.match(await ask('delete_email', { messageId: first.id }, { ...back, requestState: changed }), {
    error: { code: -32602 }
  })
  t.match(
    await ask('delete_email', { messageId: first.id }, { inputResponses: { confirmation: YES } }),
    { result: { resultType: 'input_required' } },
    'a word without a question'
  )
  t.ok(mailbox.message(first.id) && mailbox.message(second.id), 'all is there still')
  t.match(await ask('delete_email', { messageId: first.id }, back), {
    result: { resultType: 'complete' }
  })
  t.notOk(mailbox.message(first.id))
  const again = await ask('delete_email', { messageId: first.id }, back)
  t.equal(again.result.resultType, 'input_required', 'the word is used up')
  const no = await ask('delete_email', { messageId: second.id })
  const refused = {
    requestState: no.result.requestState,
    inputResponses: { confirmation: { action: 'decline' } }
  }
  t.match(await ask('delete_email', { messageId: second.id }, refused), {
    result: { isError: true }
  })
  t.ok(mailbox.message(second.id))
})

t.test(
  'a client that cannot ask gets a link for its person, and the word is bound to the act',
  async (t) => {
    const allowed = new Set<string>()
    const asked: { hash: string; words: readonly string[] }[] = []
    const askOnPage = async (hash: string, words: readonly string[]): Promise<ConfirmAnswer> => {
      asked.push({ hash, words })
      if (allowed.delete(hash)) return { state: 'allowed' }
      return {
        state: 'asked',
        url: 'https://gw.test/account/confirm/1',
        expiresAt: '2026-01-01T00:00:00Z'
      }
    }
    const session = await openGmailSession(t, { askOnPage, policy: asking('outside-domain') })
    const mail = { to: ['bo@out.test'], subject: 'Plan', body: 'The plan.' }
    const first = await session.call('send_email', mail)
    t.match(first, {
      isError: true,
      text: /^confirmation_required: Nothing was done.* https:\/\/gw\.test\/account\/confirm\/1 /
    })
    t.notMatch(first.text, /Plan|bo@out/, 'no words of mail')
    t.match(asked[0]?.words, [
      'Send mail to bo@out.test.',
      'Subject: Plan',
      'Outside acme.test: bo@out.test.'
    ])
    allowed.add(asked[0]?.hash ?? '')
    for (const change of [
      { body: 'Another plan.' },
      { to: ['eve@out.test'] },
      { bcc: ['eve@out.test'] }
    ])
      t.match(
        await session.call('send_email', { ...mail, ...change }),
        { isError: true },
        'another act'
      )
    t.match(await session.call('send_email', mail), { isError: false }, 'the same act')
    t.match(
      await session.call('send_email', { ...mail, idempotencyKey: 'x' }),
      { isError: true },
      'once'
    )
    const ask = await modern(t, session)
    t.match(
      await ask('send_email', mail, {}, {}),
      { result: { isError: true } },
      'in the new era too'
    )
    t.equal(
      session.sandbox.mailbox(session.email).messages.filter(({ labelIds }) => labelIds.has('SENT'))
        .length,
      1
    )
  }
)

t.test('what a policy names is asked, and nothing else', async (t) => {
  const session = await openGmailSession(t, {
    policy: asking('new-recipients', 'forwarding', 'forwarding-filters', 'mass-changes')
  })
  const { id } = deliver(session)
  const answers: Answer[] = []
  const { call, asked } = await withForms(t, session, answers)
  const expectAsked = async (
    name: string,
    args: Record<string, unknown>,
    words: RegExp | undefined
  ) => {
    asked.length = 0
    if (words) answers.push({ action: 'decline' })
    const { isError, text } = await call(name, args)
    t.equal(isError, words !== undefined, `${name}: ${text}`)
    if (words) t.match(asked, [words], name)
    else t.same(asked, [], name)
  }
  const mail = { to: ['new@acme.test'], subject: 'Hi', body: 'hi' }
  await expectAsked('send_email', mail, /Never written to before: new@acme\.test\./)
  answers.push(YES)
  t.notOk((await call('send_email', mail)).isError)
  await expectAsked('send_email', { ...mail, subject: 'Again' }, undefined)
  await expectAsked(
    'reply_to_email',
    { messageId: id, body: 'x' },
    /Never written to before: bo@out\.test/
  )
  await expectAsked('reply_to_email', { messageId: id, body: 'x', asDraft: true }, undefined)
  await expectAsked(
    'forward_email',
    { messageId: id, to: ['new@acme.test'] },
    /Mail of others is sent on/
  )
  await expectAsked('modify_email', { messageId: id, archive: true }, undefined)
  for (let n = 0; n < 60; n += 1) deliver(session, `News ${n}`)
  const many = { query: 'subject:News', removeLabelIds: ['INBOX'] }
  await expectAsked('batch_modify_emails', { ...many, maxMessages: 20 }, undefined)
  await expectAsked(
    'batch_modify_emails',
    many,
    /Change 60 messages: INBOX removed, which takes them out of the inbox/
  )
  await expectAsked('batch_modify_emails', { ...many, dryRun: true }, undefined)
  const draft = await session.call('draft_email', { ...mail, to: ['c@out.test'] })
  await expectAsked('send_draft', { draftId: draft.data.draftId }, /Send mail to c@out\.test/)
})

t.test('mail goes to nobody whom the operator has not allowed', async (t) => {
  const policy = {
    ...OPEN_POLICY,
    operator: { ...OPEN_POLICY.operator, recipients: ['@acme.test', 'Bo@out.test'] }
  }
  const session = await openGmailSession(t, { policy })
  const { id } = deliver(session)
  const mail = { subject: 'Hi', body: 'hi' }
  const draft = await session.call('draft_email', { ...mail, to: ['eve@out.test'] })
  t.notOk(draft.isError, 'a draft reaches nobody')
  for (const [name, args] of [
    ['send_email', { ...mail, to: ['bob@acme.test'], bcc: ['eve@out.test'] }],
    ['send_email', { ...mail, to: ['eve@sub.acme.test'] }],
    ['forward_email', { messageId: id, to: ['eve@out.test'] }],
    ['send_draft', { draftId: draft.data.draftId }]
  ] as const) {
    const refused = await session.call(name, args)
    t.match(refused, {
      isError: true,
      text: /^recipient_not_allowed: .*ALLOWED_RECIPIENTS.*eve@.* is not among them/
    })
  }
  for (const to of ['bob@acme.test', 'bo@OUT.test'])
    t.notOk((await session.call('send_email', { ...mail, to: [to] })).isError, to)
})

t.test(
  'a dry run says what would be done, to whom, and whether the user would be asked',
  async (t) => {
    const session = await openGmailSession(t, { policy: asking('outside-domain') })
    const mail = { to: ['bo@out.test'], cc: ['bob@acme.test'], subject: 'Hi', body: 'hi' }
    const { text } = await session.call('send_email', { ...mail, dryRun: true })
    t.match(text, /Dry run: .*2 recipients/)
    t.match(text, /To: bo@out\.test\nCc: bob@acme\.test/)
    t.match(
      text,
      /Sending it asks the user first\.\n<untrusted-mail-\w+>\nOutside acme\.test: bo@out\.test\./
    )
    deliver(session)
    const many = await session.call('batch_modify_emails', {
      query: 'subject:Tea',
      addLabelIds: ['STARRED'],
      dryRun: true
    })
    t.match(many.text, 'Dry run: 1 messages would be changed: STARRED added.')
  }
)

t.test('a client that says it can ask, and cannot, leads to the page', async (t) => {
  const askOnPage = async (): Promise<ConfirmAnswer> => ({
    state: 'asked',
    url: 'https://gw.test/account/confirm/1',
    expiresAt: '2026-01-01T00:00:00Z'
  })
  const session = await openGmailSession(t, { askOnPage })
  const { id } = deliver(session)
  const [here, there] = InMemoryTransport.createLinkedPair()
  await session.program.build().connect(there)
  const client = new Client({ name: 'asker', version: '1' }, { capabilities: { elicitation: {} } })
  client.setRequestHandler('elicitation/create', async () => {
    throw new Error('no window')
  })
  await client.connect(here)
  t.teardown(() => client.close())
  const refused = await client.callTool({ name: 'delete_email', arguments: { messageId: id } })
  t.match(refused, { isError: true, content: [{ text: /account\/confirm\/1/ }] })
  t.ok(session.sandbox.mailbox(session.email).message(id))
})

/** Gmail with one verified address to forward to, which nobody can verify at the stand-in. */
async function gmailThatForwards(t: Test, url: string, forwardingEmail: string): Promise<string> {
  const server = createServer(async (request, response) => {
    response.setHeader('content-type', 'application/json')
    if (request.url?.startsWith('/gmail/v1/users/me/settings/forwardingAddresses')) {
      const verified = { forwardingEmail, verificationStatus: 'accepted' }
      response.end(JSON.stringify({ forwardingAddresses: [verified] }))
      return
    }
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const { authorization = '' } = request.headers
    const answer = await fetch(`${url}${request.url}`, {
      method: request.method ?? 'GET',
      headers: { authorization, 'content-type': 'application/json' },
      ...(chunks.length > 0 && { body: Buffer.concat(chunks) })
    })
    response.statusCode = answer.status
    response.end(await answer.text())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
}

t.test(
  'a filter that sends mail on needs the person where a policy says so, whatever the model says',
  async (t) => {
    const { sandbox, email } = await openGmailSession(t)
    const asked: (readonly string[])[] = []
    const scopes = googleScopesFor('gmail.settings')
    const open = async (policy: ToolPolicy) =>
      openToolSession(t, {
        ...{ email, scopes, policy },
        gmailOrigin: await gmailThatForwards(t, sandbox.url, 'home@out.test'),
        tokens: { get: async () => sandbox.issueGrant(email, scopes) },
        askOnPage: async (_hash, words) => {
          asked.push(words)
          return { state: 'refused' }
        }
      })
    const rule = { criteria: { from: 'bank@out.test' }, action: { forward: 'home@out.test' } }
    const careful = await open(asking('forwarding-filters'))
    const refused = await careful.call('create_filter', { ...rule, confirm: true })
    t.match(refused, { isError: true, text: /^declined/ })
    t.match(asked, [[/^Send mail on to home@out\.test, from now on/, /bank@out\.test/]])
    const listed = await open({
      ...OPEN_POLICY,
      operator: { ...OPEN_POLICY.operator, recipients: ['@acme.test'] }
    })
    const other = await listed.call('create_filter', { ...rule, confirm: true })
    t.match(other, {
      isError: true,
      text: /^recipient_not_allowed: .*home@out\.test is not among them/
    })
    t.same((await listed.call('list_filters')).data.filters, [], 'there is no filter')
    const free = await open(OPEN_POLICY)
    t.match(await free.call('create_filter', rule), { isError: true, text: /confirm: true/ })
  }
)
