import t from 'tap'
import { type Sandbox, startSandbox } from '../../../ops/sandbox/sandbox.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { type GmailCaller, gmailOf, gmailWith, rawMail } from '../../helpers/sandbox-gmail.ts'

const FULL = 'https://mail.google.com/'
const scope = (name: string) => `https://www.googleapis.com/auth/gmail.${name}`
const ANA = 'ana@sandbox.example'
const BEN = 'ben@sandbox.example'

const start = async (options: Parameters<typeof startSandbox>[0] = {}) => {
  const sandbox = await startSandbox({
    users: [
      { email: ANA, name: 'Ana Silva', empty: true },
      { email: BEN, name: 'Ben Okafor', empty: true },
      { email: 'seeded@sandbox.example' }
    ],
    ...options
  })
  t.teardown(() => sandbox.close())
  return sandbox
}

const both = (sandbox: Sandbox): { ana: GmailCaller; ben: GmailCaller } => ({
  ana: gmailOf(sandbox, ANA, [FULL]),
  ben: gmailOf(sandbox, BEN, [FULL])
})

t.test('unknown, expired, revoked and missing tokens are refused in Google’s words', async (t) => {
  const clock = new FakeClock(1_800_000_000_000)
  const sandbox = await start({ clock, accessTokenSeconds: 60 })
  const call = gmailOf(sandbox, ANA, [FULL])
  t.equal((await call('GET profile')).status, 200)
  const refused = async (request: GmailCaller, reason: string) => {
    const { status, body, headers } = await request('GET profile')
    t.equal(status, 401)
    t.match(headers.get('www-authenticate'), /^Bearer realm="https:\/\/accounts.google.com\/"/)
    t.match(body, {
      error: {
        code: 401,
        message: String,
        status: 'UNAUTHENTICATED',
        errors: [
          {
            message: String,
            domain: 'global',
            reason,
            location: 'Authorization',
            locationType: 'header'
          }
        ]
      }
    })
  }
  await refused(gmailWith(sandbox, 'ya29.unknown'), 'authError')
  const bare = await fetch(`${sandbox.url}/gmail/v1/users/me/profile`)
  t.match(await bare.json(), { error: { code: 401, errors: [{ reason: 'required' }] } })
  clock.advance(60_000)
  await refused(call, 'authError')
  const revoked = gmailOf(sandbox, ANA, [FULL])
  const other = gmailOf(sandbox, BEN, [FULL])
  sandbox.revokeGrants(ANA)
  await refused(revoked, 'authError')
  t.equal((await other('GET profile')).status, 200)
  sandbox.expireAccessTokens()
  await refused(other, 'authError')
})

t.test('nobody reaches another mailbox, by address or by id', async (t) => {
  const sandbox = await start()
  const { ana, ben } = both(sandbox)
  const { id } = sandbox.mailbox(BEN).deliver({ from: 'x@y.example', subject: 'Private' })
  t.equal((await ana(`GET /gmail/v1/users/${ANA}/profile`)).body.emailAddress, ANA)
  const foreign = await ana(`GET /gmail/v1/users/${encodeURIComponent(BEN)}/profile`)
  t.match(foreign, { status: 403, body: { error: { errors: [{ reason: 'forbidden' }] } } })
  t.equal((await ana(`GET messages/${id}`)).status, 404)
  t.equal((await ben(`GET messages/${id}`)).status, 200)
})

t.test('each scope opens its own methods and no others', async (t) => {
  const sandbox = await start()
  const { id } = sandbox.mailbox(ANA).deliver({ from: 'x@y.example', subject: 'Scoped' })
  const raw = rawMail(`To: ${BEN}`, '', 'x')
  const expectations: [string, Record<string, number>][] = [
    [
      scope('readonly'),
      {
        'GET messages': 200,
        [`POST messages/${id}/trash`]: 403,
        'POST drafts': 403,
        'GET labels': 200
      }
    ],
    [scope('send'), { 'POST messages/send': 200, 'POST drafts': 403, 'GET messages': 403 }],
    [
      scope('compose'),
      { 'POST drafts': 200, 'GET drafts': 200, 'GET messages': 403, 'GET profile': 200 }
    ],
    [scope('labels'), { 'GET labels': 200, 'POST labels': 200, 'GET profile': 403 }],
    [
      scope('modify'),
      { [`DELETE messages/${id}`]: 403, 'PUT settings/imap': 403, 'GET settings/imap': 200 }
    ],
    [scope('settings.basic'), { 'PUT settings/imap': 200, 'GET messages': 403 }]
  ]
  const bodies: Record<string, object> = {
    'POST messages/send': { raw },
    'POST drafts': { message: { raw } },
    'POST labels': { name: 'Scoped' },
    'PUT settings/imap': { enabled: true }
  }
  for (const [granted, requests] of expectations) {
    const call = gmailOf(sandbox, ANA, [granted])
    for (const [request, status] of Object.entries(requests)) {
      const answer = await call(request as `${string} ${string}`, bodies[request])
      t.equal(answer.status, status, `${granted}: ${request}`)
      if (status !== 403) continue
      t.equal(answer.body.error.errors[0].reason, 'insufficientPermissions')
      t.match(answer.headers.get('www-authenticate'), 'error="insufficient_scope"')
    }
  }
  const metadata = gmailOf(sandbox, ANA, [scope('metadata'), scope('readonly')])
  t.equal((await metadata('GET messages')).status, 200)
  t.equal((await metadata(`GET messages/${id}?format=metadata`)).status, 200)
  t.equal((await metadata(`GET messages/${id}`)).status, 403)
  t.equal((await metadata('GET messages?q=x')).status, 403)
})

t.test('what is malformed or unknown is refused', async (t) => {
  const sandbox = await start()
  const { ana } = both(sandbox)
  const { id } = sandbox.mailbox(ANA).deliver({ from: 'x@y.example' })
  const refusals: [Parameters<GmailCaller>, number, string | undefined][] = [
    [['GET messages/19a0000000000000'], 404, 'notFound'],
    [['GET messages/not-an-id'], 400, 'invalidArgument'],
    [['GET messages?unheardOf=1'], 400, 'invalid'],
    [['GET messages?maxResults=many'], 400, 'invalidArgument'],
    [['GET messages?pageToken=abc'], 400, 'invalidArgument'],
    [['GET messages?labelIds=Label_99'], 400, 'invalidArgument'],
    [[`GET messages/${id}?format=fancy`], 400, 'invalidArgument'],
    [[`GET messages/${id}/attachments/ANGjdJinvented`], 400, 'invalidArgument'],
    [[`POST messages/${id}/modify`, { addLabelIds: ['Label_99'] }], 400, 'invalidArgument'],
    [[`POST messages/${id}/modify`, { addLabelIds: ['SENT'] }], 400, 'invalidArgument'],
    [[`POST messages/${id}/modify`, {}], 400, 'invalidArgument'],
    [['POST messages/batchModify', { ids: [id] }], 400, 'invalidArgument'],
    [[`POST messages/${id}/modify`, { labelIds: ['INBOX'] }], 400, 'invalid'],
    [[`POST messages/${id}/modify`, Buffer.from('{')], 400, 'parseError'],
    [
      ['POST messages/batchModify', { ids: Array(1001).fill(id), addLabelIds: ['STARRED'] }],
      400,
      'invalidArgument'
    ],
    [['POST messages/send', {}], 400, 'invalidArgument'],
    [['POST messages/send', { raw: '***' }], 400, 'invalid'],
    [['POST messages/send', { raw: rawMail('Subject: nobody', '', 'x') }], 400, 'invalidArgument'],
    [
      ['POST messages/send', { raw: rawMail('To: not-an-address', '', 'x') }],
      400,
      'invalidArgument'
    ],
    [
      [
        'POST messages/send',
        { raw: rawMail(`To: ${Array.from({ length: 501 }, (_, i) => `a${i}@x.example`)}`, '', 'x') }
      ],
      400,
      'invalidArgument'
    ],
    [
      ['POST messages/send', { raw: rawMail(`To: ${BEN}`, '', 'x'), threadId: '19a0000000000000' }],
      404,
      'notFound'
    ],
    [
      [`POST messages/${id}/modify`, { addLabelIds: ['STARRED'], removeLabelIds: ['STARRED'] }],
      400,
      'invalidArgument'
    ],
    [['POST messages/batchDelete', { ids: [] }], 400, 'invalidArgument'],
    [
      ['POST messages/send', Buffer.from('x'), { 'content-type': 'text/plain' }],
      400,
      'invalidArgument'
    ],
    [['POST messages', { raw: rawMail('', 'x'), labelIds: ['Label_9'] }], 400, 'invalidArgument'],
    [['POST messages/send', { raw: 'x'.repeat(49_500_000) }], 400, 'invalidArgument'],
    [['GET messages?fields=id,,'], 400, 'invalidArgument'],
    [['GET threads/nonsense'], 400, 'invalidArgument'],
    [['POST labels', { name: '/slash' }], 400, 'invalidArgument'],
    [['PUT labels/Label_1', {}], 400, 'invalidArgument'],
    [['GET threads/19a0000000000000'], 404, 'notFound'],
    [['GET drafts/r1'], 404, 'notFound'],
    [['GET history?startHistoryId=1'], 404, 'notFound'],
    [['GET history'], 400, 'invalidArgument'],
    [['GET labels/Label_99'], 404, 'notFound'],
    [['DELETE labels/INBOX'], 400, 'invalidArgument'],
    [['PATCH labels/INBOX', { name: 'Mine' }], 400, 'invalidArgument'],
    [['POST labels', { name: 'inbox' }], 400, 'invalidArgument'],
    [
      ['POST labels', { name: 'C', color: { textColor: '#123456', backgroundColor: '#ffffff' } }],
      400,
      'invalidArgument'
    ],
    [['POST watch', { topicName: 'nonsense' }], 400, 'invalidArgument'],
    [['PUT messages'], 404, undefined],
    [['GET nothing'], 404, undefined]
  ]
  for (const [request, status, reason] of refusals) {
    const answer = await ana(...request)
    t.equal(answer.status, status, request[0])
    t.equal(answer.body.error?.errors[0].reason, reason, request[0])
  }
})

t.test('mail to another account is delivered with ids of its own and without Bcc', async (t) => {
  const sandbox = await start()
  const { ana, ben } = both(sandbox)
  const raw = rawMail(
    'From: Someone Else <fake@elsewhere.example>',
    `To: ${ANA}`,
    `Bcc: ${BEN}`,
    'Subject: Hello',
    '',
    'Hi'
  )
  const { body: sent } = await ana('POST messages/send', { raw })
  t.same(sent.labelIds, ['SENT', 'INBOX', 'UNREAD'], 'mail to oneself is one message')
  const { body: page } = await ben('GET messages')
  t.equal(page.messages.length, 1)
  t.not(page.messages[0].id, sent.id)
  const { body: received } = await ben(`GET messages/${page.messages[0].id}`)
  const headers = new Map(
    received.payload.headers.map((h: { name: string; value: string }) => [h.name, h.value])
  )
  t.notOk(headers.has('Bcc'))
  t.equal(headers.get('From'), `Ana Silva <${ANA}>`, 'nobody sends under a foreign address')
  t.match(headers.get('Message-ID'), /^<CA[\w-]+@mail\.gmail\.com>$/)
  t.match(headers.get('Authentication-Results'), 'dkim=pass')
  t.ok(headers.get('Date'))
  t.match(received.labelIds, ['INBOX', 'UNREAD'])
  const kept = sandbox.mailbox(ANA).bySubject('Hello')
  t.equal(kept?.mail.header('Bcc'), BEN, 'the sender keeps Bcc')
  await ana('POST messages/send', {
    raw: rawMail(`To: ${BEN.replace('@', '+shop@')}`, 'Subject: Tagged', '', 'x')
  })
  const tagged = await ben('GET messages?q=deliveredto:ben%2Bshop@sandbox.example')
  t.equal(tagged.body.messages.length, 1, 'an address with a tag is the same mailbox')
})

t.test('a reply joins its thread only with thread id, references and subject', async (t) => {
  const sandbox = await start()
  const { ana } = both(sandbox)
  const { id, threadId } = sandbox
    .mailbox(ANA)
    .deliver({ from: BEN, subject: 'Plan', messageId: '<plan@x.example>' })
  t.equal(id, threadId)
  const send = async (headers: string[], body: object = {}) =>
    (await ana('POST messages/send', { raw: rawMail(`To: ${BEN}`, ...headers, '', 'x'), ...body }))
      .body.threadId
  const answer = ['Subject: Re: Plan', 'In-Reply-To: <plan@x.example>']
  t.equal(await send(answer, { threadId }), threadId)
  t.equal(
    await send(['Subject: RE: plan', 'References: <a@x.example> <plan@x.example>'], { threadId }),
    threadId
  )
  t.not(await send(['Subject: Other', 'In-Reply-To: <plan@x.example>'], { threadId }), threadId)
  t.not(await send(['Subject: Re: Plan'], { threadId }), threadId)
  t.not(await send(['Subject: Re: Plan', 'In-Reply-To: <x@y.example>'], { threadId }), threadId)
  t.equal(await send(answer), threadId, 'references alone suffice, as for incoming mail')
  const { body: thread } = await ana(`GET threads/${threadId}?format=minimal`)
  t.equal(thread.messages.length, 4)
  const ordered = thread.messages.map(({ internalDate }: { internalDate: string }) =>
    Number(internalDate)
  )
  t.same(
    ordered,
    ordered.toSorted((a: number, b: number) => a - b),
    'oldest first'
  )
})

t.test('a draft keeps its id, changes its message, and ends when it is sent', async (t) => {
  const sandbox = await start()
  const { ana } = both(sandbox)
  const mail = (text: string) => ({
    message: { raw: rawMail(`To: ${BEN}`, 'Subject: Draft', '', text) }
  })
  const { body: made } = await ana('POST drafts', mail('one'))
  const { body: changed } = await ana(`PUT drafts/${made.id}`, mail('two'))
  t.equal(changed.id, made.id)
  t.not(changed.message.id, made.message.id)
  t.equal(changed.message.threadId, made.message.threadId)
  t.equal((await ana(`GET messages/${made.message.id}`)).status, 404)
  t.same((await ana(`GET drafts/${made.id}`)).body.message.snippet, 'two')
  const { body: sent } = await ana('POST drafts/send', { id: made.id })
  t.same(sent.labelIds, ['SENT'])
  t.equal(sent.threadId, made.message.threadId)
  t.notOk((await ana('GET drafts')).body.drafts)
  t.equal(sandbox.mailbox(BEN).messages[0]?.mail.text, 'two')
  t.equal((await ana('POST drafts/send', { id: made.id })).status, 404)
})

t.test('labels, trash and batches change what they should', async (t) => {
  const sandbox = await start()
  const { ana } = both(sandbox)
  const { id } = sandbox.mailbox(ANA).deliver({ from: 'x@y.example', subject: 'One' })
  const { body: label } = await ana('POST labels', { name: 'Work/Deep' })
  t.equal((await ana('POST labels', { name: 'work/deep' })).status, 409)
  const batch = { ids: [id, '19a0000000000000', 'nonsense'], addLabelIds: [label.id] }
  t.equal(
    (await ana('POST messages/batchModify', batch)).status,
    204,
    'unknown ids are passed over'
  )
  t.match((await ana(`GET labels/${label.id}`)).body, {
    messagesTotal: 1,
    messagesUnread: 1,
    threadsTotal: 1
  })
  const { body: renamed } = await ana(`PATCH labels/${label.id}`, { name: 'Work/Shallow' })
  t.match(renamed, { id: label.id, name: 'Work/Shallow', messageListVisibility: 'show' })
  const { body: trashed } = await ana(`POST messages/${id}/trash`)
  t.same(trashed.labelIds.includes('TRASH') && !trashed.labelIds.includes('INBOX'), true)
  t.notOk((await ana('GET messages')).body.messages)
  t.equal((await ana('GET messages?labelIds=TRASH')).body.messages.length, 1)
  t.equal((await ana('GET messages?includeSpamTrash=true')).body.messages.length, 1)
  t.notMatch((await ana(`POST messages/${id}/untrash`)).body.labelIds, ['TRASH'])
  t.equal((await ana(`DELETE labels/${label.id}`)).status, 204)
  t.notOk((await ana(`GET messages/${id}`)).body.labelIds.includes(label.id))
  t.equal((await ana(`DELETE messages/${id}`)).status, 204)
  t.equal((await ana(`GET messages/${id}`)).status, 404)
})

t.test('history tells each change once, in order', async (t) => {
  const sandbox = await start()
  const { ana } = both(sandbox)
  const { historyId } = (await ana('GET profile')).body
  const { id } = sandbox.mailbox(ANA).deliver({ from: 'x@y.example' })
  await ana(`POST messages/${id}/modify`, { addLabelIds: ['STARRED'], removeLabelIds: ['UNREAD'] })
  await ana(`POST messages/${id}/modify`, { addLabelIds: ['STARRED'] })
  await ana(`DELETE messages/${id}`)
  const { body } = await ana(`GET history?startHistoryId=${historyId}`)
  t.match(body.history, [
    { messagesAdded: [{ message: { id } }] },
    { labelsAdded: [{ labelIds: ['STARRED'] }] },
    { labelsRemoved: [{ labelIds: ['UNREAD'] }] },
    { messagesDeleted: [{ message: { id } }] }
  ])
  t.equal(body.history.length, 4)
  const some = await ana(
    `GET history?startHistoryId=${historyId}&historyTypes=labelAdded&historyTypes=messageDeleted`
  )
  t.equal(some.body.history.length, 2)
})

t.test('pages neither repeat nor lose mail while more arrives', async (t) => {
  const sandbox = await start()
  const { ana } = both(sandbox)
  const ids = Array.from(
    { length: 7 },
    (_, i) => sandbox.mailbox(ANA).deliver({ from: 'x@y.example', subject: `${i}` }).id
  )
  const found: string[] = []
  for (let token = ''; ; ) {
    const { body } = await ana(`GET messages?maxResults=3${token && `&pageToken=${token}`}`)
    found.push(...body.messages.map((m: { id: string }) => m.id))
    sandbox.mailbox(ANA).deliver({ from: 'late@y.example' })
    if (!body.nextPageToken) break
    token = body.nextPageToken
  }
  t.same(found, ids.toReversed())
})

t.test('attachment ids differ at every fetch and all lead to the same bytes', async (t) => {
  const sandbox = await start()
  const call = gmailOf(sandbox, 'seeded@sandbox.example', [FULL])
  const { body: page } = await call('GET messages?q=filename:chart.png')
  const [{ id }] = page.messages
  const fetchId = async () => {
    const { payload } = (await call(`GET messages/${id}`)).body
    t.same(
      payload.parts.map((p: { partId: string }) => p.partId),
      ['0', '1', '2', '3']
    )
    t.same(
      payload.parts[0].parts.map((p: { partId: string }) => p.partId),
      ['0.0', '0.1']
    )
    t.equal(payload.parts[1].filename, 'Umsätze Oktober – 数字.csv')
    return payload.parts[1].body.attachmentId
  }
  const [first, second] = [await fetchId(), await fetchId()]
  t.not(first, second)
  for (const attachment of [first, second]) {
    const { body } = await call(`GET messages/${id}/attachments/${attachment}`)
    t.match(Buffer.from(body.data, 'base64url').toString(), '48211.50')
  }
  const other = (await call('GET messages?q=from:oskar')).body.messages[0].id
  t.equal(
    (await call(`GET messages/${other}/attachments/${first}`)).status,
    400,
    'not for another message'
  )
})

t.test('messages come by upload as well, and not above their limit', async (t) => {
  const sandbox = await start()
  const { ana } = both(sandbox)
  const mail = Buffer.from(`To: ${BEN}\r\nSubject: Uploaded\r\n\r\nbody`)
  const path = '/upload/gmail/v1/users/me/messages/send'
  const rfc822 = { 'content-type': 'message/rfc822' }
  t.equal((await ana(`POST ${path}?uploadType=media`, mail, rfc822)).status, 200)
  t.equal(
    (await ana(`POST ${path}?uploadType=media`, mail, { 'content-type': 'text/plain' })).status,
    400
  )
  const { threadId } = sandbox
    .mailbox(ANA)
    .deliver({ from: BEN, subject: 'Thread', messageId: '<t@x.example>' })
  const answer = 'Subject: Re: Thread\r\nIn-Reply-To: <t@x.example>\r\n'
  const related = Buffer.from(
    `--b\r\nContent-Type: application/json\r\n\r\n{"threadId":"${threadId}"}\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nTo: ${BEN}\r\n${answer}\r\nhi\r\n--b--`
  )
  const multipart = { 'content-type': 'multipart/related; boundary=b' }
  const { body } = await ana(`POST ${path}?uploadType=multipart`, related, multipart)
  t.equal(body.threadId, threadId)
  const begun = await ana(
    `POST ${path}?uploadType=resumable`,
    { threadId },
    { 'x-upload-content-type': 'message/rfc822' }
  )
  t.equal(begun.status, 200)
  const session = new URL(begun.headers.get('location') ?? '')
  const finished = await ana(`PUT ${session.pathname}${session.search}`, mail, rfc822)
  t.match(finished, { status: 200, body: { labelIds: ['SENT'] } })
  t.equal((await ana(`PUT ${session.pathname}${session.search}`, mail, rfc822)).status, 404)
  const large = Buffer.concat([mail, Buffer.alloc(36_700_160)])
  const refused = await ana(`POST ${path}?uploadType=media`, large, rfc822)
  t.match(refused, { status: 413, body: { error: { errors: [{ reason: 'uploadTooLarge' }] } } })
})

t.test('settings keep what is allowed and refuse the rest', async (t) => {
  const sandbox = await start()
  const call = gmailOf(sandbox, ANA, [scope('settings.basic')])
  const answers = async (request: Parameters<GmailCaller>[0], body: object, status: number) =>
    t.equal((await call(request, body)).status, status, `${request} ${JSON.stringify(body)}`)
  await answers('PUT settings/vacation', { enableAutoReply: true }, 400)
  await answers('PUT settings/vacation', { startTime: '2000', endTime: '1000' }, 400)
  await answers(
    'PUT settings/vacation',
    { enableAutoReply: true, responseBodyPlainText: 'Away' },
    200
  )
  t.match((await call('GET settings/vacation')).body, {
    enableAutoReply: true,
    responseBodyPlainText: 'Away'
  })
  await answers('PUT settings/imap', { maxFolderSize: 7 }, 400)
  await answers('PUT settings/pop', { accessWindow: 'sometimes' }, 400)
  await answers('PUT settings/language', { displayLanguage: 'no such language' }, 400)
  await answers('PUT settings/language', { displayLanguage: 'pt-BR' }, 200)
  await answers('PATCH settings/sendAs/other@x.example', { signature: 'x' }, 404)
  await answers(`PATCH settings/sendAs/${ANA}`, { signature: '<i>Ana</i>' }, 200)
  t.match((await call('GET settings/sendAs')).body.sendAs, [
    { sendAsEmail: ANA, signature: '<i>Ana</i>', displayName: 'Ana Silva' }
  ])
  await answers(
    'POST settings/filters',
    { criteria: {}, action: { addLabelIds: ['STARRED'] } },
    400
  )
  await answers('POST settings/filters', { criteria: { from: 'x' }, action: {} }, 400)
  await answers(
    'POST settings/filters',
    { criteria: { from: 'x' }, action: { addLabelIds: ['Label_9'] } },
    400
  )
  t.same((await call('GET settings/filters')).body, {}, 'no filters is no field, as at Google')
})

t.test('filters sort mail as it arrives', async (t) => {
  const sandbox = await start()
  const call = gmailOf(sandbox, ANA, [FULL, scope('settings.basic')])
  const filter = {
    criteria: { from: 'news@list.example' },
    action: { addLabelIds: ['STARRED'], removeLabelIds: ['INBOX'] }
  }
  t.equal((await call('POST settings/filters', filter)).status, 200)
  t.equal((await call('POST settings/filters', filter)).status, 400, 'the same filter twice')
  const forwards = { criteria: { from: 'x' }, action: { forward: 'out@evil.example' } }
  t.equal(
    (await call('POST settings/filters', forwards)).status,
    400,
    'unverified forwarding address'
  )
  const caught = sandbox.mailbox(ANA).deliver({ from: 'News <news@list.example>' })
  const passed = sandbox.mailbox(ANA).deliver({ from: 'other@list.example' })
  t.same([caught.labelIds.has('STARRED'), caught.labelIds.has('INBOX')], [true, false])
  t.same([passed.labelIds.has('STARRED'), passed.labelIds.has('INBOX')], [false, true])
  const criteria = {
    to: ANA,
    subject: 'big',
    query: 'has:nouserlabels',
    negatedQuery: 'boring',
    size: 2000,
    sizeComparison: 'larger'
  }
  await call('POST settings/filters', { criteria, action: { addLabelIds: ['IMPORTANT'] } })
  const arrives = (text: string, subject = 'Big news') =>
    sandbox.mailbox(ANA).deliver({ from: 'x@y.example', subject, text }).labelIds.has('IMPORTANT')
  const long = 'word '.repeat(800)
  t.same(
    [arrives(long), arrives('short'), arrives(`boring ${long}`), arrives(long, 'Small')],
    [true, false, false, false]
  )
})

t.test('fields= leaves only what was asked for', async (t) => {
  const sandbox = await start()
  const { ana } = both(sandbox)
  const { id } = sandbox.mailbox(ANA).deliver({ from: 'x@y.example', subject: 'Part' })
  const { body } = await ana('GET messages?fields=messages(id),resultSizeEstimate')
  t.same(body, { messages: [{ id }], resultSizeEstimate: 1 })
  const nested = await ana(`GET messages/${id}?fields=id,payload/headers/name`)
  t.same(Object.keys(nested.body), ['id', 'payload'])
  t.same(Object.keys(nested.body.payload), ['headers'])
  t.equal((await ana('GET messages?fields=messages(id')).status, 400)
})

t.test('faults happen to whom, to what and as often as was asked', async (t) => {
  const sandbox = await start()
  const { ana, ben } = both(sandbox)
  const { faults } = sandbox
  faults.inject({
    kind: '429',
    times: 1,
    retryAfter: 7,
    match: { method: 'getProfile', user: ANA }
  })
  t.equal((await ben('GET profile')).status, 200)
  t.equal((await ana('GET labels')).status, 200)
  const limited = await ana('GET profile')
  t.equal(limited.status, 429)
  t.equal(limited.headers.get('retry-after'), '7')
  t.equal((await ana('GET profile')).status, 200)
  faults.inject({ kind: 'rate403' })
  t.match(await ana('GET labels'), {
    status: 403,
    body: { error: { errors: [{ reason: 'rateLimitExceeded', domain: 'usageLimits' }] } }
  })
  t.equal((await ana('GET labels')).status, 403)
  faults.clear()
  for (const kind of ['500', '503'] as const) {
    faults.inject({ kind, times: 1 })
    t.equal((await ana('GET labels')).status, Number(kind))
  }
  faults.inject({ kind: 'reset', times: 1 })
  await t.rejects(ana('GET labels'))
  const raw = rawMail(`To: ${BEN}`, 'Subject: Once', '', 'x')
  faults.inject({ kind: 'reset', times: 1 })
  await t.rejects(ana('POST messages/send', { raw }))
  t.equal(sandbox.mailbox(ANA).messages.length, 0, 'a fault comes before any effect')
  faults.inject({ kind: 'reset', times: 1, afterEffect: true })
  await t.rejects(ana('POST messages/send', { raw }))
  faults.inject({ kind: '503', times: 1, afterEffect: true })
  t.match(await ana('POST messages/send', { raw }), { status: 503, body: { error: { code: 503 } } })
  t.equal(sandbox.mailbox(ANA).messages.length, 2, 'unless asked otherwise')
  faults.inject({ kind: 'slow', ms: 1, times: 1 })
  t.equal((await ana('GET labels')).status, 200)
  faults.inject({ kind: 'malformed', times: 1 })
  await t.rejects(ana('GET labels'), SyntaxError)
  t.equal((await ana('GET labels')).status, 200)
  faults.inject({ kind: 'invalid_grant', times: 1 })
  const form = {
    grant_type: 'refresh_token',
    client_id: sandbox.clientId,
    client_secret: sandbox.clientSecret,
    refresh_token: sandbox.issueGrant(ANA, [FULL]).refreshToken
  }
  const refresh = () =>
    fetch(`${sandbox.url}/token`, { method: 'POST', body: new URLSearchParams(form) })
  t.match(await (await refresh()).json(), { error: 'invalid_grant' })
  t.equal((await refresh()).status, 200)
  faults.inject({ kind: 'invalid_grant', match: { user: BEN } })
  t.equal((await refresh()).status, 200, 'only for the account it is meant for')
  faults.inject({ kind: 'invalid_grant', match: { user: ANA } })
  t.equal((await refresh()).status, 400)
})

t.test('quota units are counted, and limited when asked', async (t) => {
  const clock = new FakeClock(1_800_000_000_000)
  const sandbox = await start({ clock, unitsPerMinute: 10 })
  const { ana, ben } = both(sandbox)
  t.equal((await ana('GET messages')).status, 200)
  t.equal((await ana('GET messages')).status, 200)
  t.match(await ana('GET profile'), {
    status: 403,
    body: { error: { errors: [{ reason: 'rateLimitExceeded' }] } }
  })
  t.equal((await ben('GET profile')).status, 200)
  t.equal(sandbox.quota.total(ANA), 10)
  clock.advance(60_000)
  t.equal((await ana('GET profile')).status, 200)
  sandbox.quota.limit = undefined
})

t.test('calls at the same time are counted, and limited when asked', async (t) => {
  const clock = new FakeClock(1_800_000_000_000)
  const sandbox = await start({ clock, parallelPerUser: 2 })
  const { ana, ben } = both(sandbox)
  sandbox.faults.inject({ kind: 'slow', ms: 50, times: 2, match: { user: ANA } })
  const slow = [ana('GET profile'), ana('GET profile')]
  while (sandbox.parallel.peak(ANA) < 2) await new Promise(setImmediate)
  t.equal((await ana('GET profile')).status, 429)
  t.equal((await ben('GET profile')).status, 200)
  clock.advance(50)
  t.same(
    (await Promise.all(slow)).map(({ status }) => status),
    [200, 200]
  )
  t.equal((await ana('GET profile')).status, 200)
  t.equal(sandbox.parallel.peak(BEN), 1)
})

t.test('the request log says who asked for what and holds no secret', async (t) => {
  const sandbox = await start()
  const { accessToken } = sandbox.issueGrant(ANA, [FULL])
  await gmailWith(sandbox, accessToken)('GET messages?q=canary-word')
  await gmailWith(sandbox, accessToken)('GET messages/19a0000000000000')
  t.match(sandbox.requests.list({ method: 'messages.list' }), [
    {
      verb: 'GET',
      path: '/gmail/v1/users/:userId/messages',
      user: ANA,
      status: 200,
      authorization: 'Bearer'
    }
  ])
  t.equal(sandbox.requests.list({ status: 404 }).length, 1)
  sandbox.faults.inject({ kind: 'reset', times: 1 })
  await t.rejects(gmailWith(sandbox, accessToken)('GET labels'))
  t.equal(sandbox.requests.list({ method: 'labels.list', status: 0 }).length, 1)
  const text = JSON.stringify(sandbox.requests.list())
  t.notMatch(text, accessToken)
  t.notMatch(text, 'canary-word')
  sandbox.requests.clear()
  t.same(sandbox.requests.list(), [])
})
