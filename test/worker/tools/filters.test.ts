import t from 'tap'
import { openGmailSession } from '../../helpers/gmail-session.ts'
import { hasty } from '../../helpers/hasty-clock.ts'

t.test('filters are made, listed, shown and deleted', async (t) => {
  const { call } = await openGmailSession(t, { level: 'gmail.settings' })
  t.match((await call('list_filters')).data, { filters: [] })
  await call('create_label', { name: 'News' })
  const made = await call('create_filter', {
    criteria: '{"from":"news@out.test","hasAttachment":"true"}',
    action: { addLabelIds: ['news'], removeLabelIds: ['INBOX'] }
  })
  t.match(made.data, {
    id: String,
    criteria: { from: 'news@out.test', hasAttachment: true },
    action: { removeLabelIds: ['INBOX'] }
  })
  t.match((await call('list_filters')).data, { filters: [{ id: made.data.id }] })
  t.match((await call('get_filter', { filterId: made.data.id })).data, { id: made.data.id })
  const rule = { criteria: { from: 'x@out.test' }, action: { addLabelIds: ['News'] } }
  for (const wrong of [
    { ...rule, criteria: {} },
    { ...rule, action: {} },
    { ...rule, action: { addLabelIds: ['Nope'] } },
    { ...rule, criteria: { from: 'a\r\nb' } },
    { ...rule, criteria: { bogus: 1 } },
    {
      criteria: { from: 'news@out.test', hasAttachment: true, excludeChats: false },
      action: { removeLabelIds: ['INBOX'], addLabelIds: ['News'] }
    }
  ])
    t.match((await call('create_filter', wrong)).data, { code: 'invalid_argument' })
  t.match((await call('create_filter', { ...rule, action: { forward: 'evil@out.test' } })).data, {
    code: 'recipient_not_allowed'
  })
  t.match((await call('delete_filter', { filterId: made.data.id })).data, { deleted: true })
  t.match((await call('get_filter', { filterId: made.data.id })).data, { code: 'not_found' })
})

t.test('templates make the filters that their names say', async (t) => {
  const { call } = await openGmailSession(t, { level: 'gmail.settings' })
  const make = (template: string, parameters: object) =>
    call('create_filter_from_template', { template, parameters })
  t.match((await make('mailingList', { listIdentifier: 'dev.out.test' })).data, {
    criteria: { query: 'list:dev.out.test OR subject:[dev.out.test]' },
    action: { removeLabelIds: ['INBOX'] }
  })
  t.match((await make('largeEmails', { sizeInBytes: '5000000', markAsRead: true })).data, {
    criteria: { size: 5_000_000, sizeComparison: 'larger' },
    action: { removeLabelIds: ['UNREAD'] }
  })
  t.match((await make('fromSender', { senderEmail: 'a@out.test', labelIds: ['STARRED'] })).data, {
    criteria: { from: 'a@out.test' },
    action: { addLabelIds: ['STARRED'], removeLabelIds: [] }
  })
  t.match((await make('withSubject', { archive: true })).data, { code: 'invalid_argument' })
  t.match((await make('withAttachments', {})).data, { code: 'invalid_argument' })
})

t.test('a filter is applied to mail that is there already', async (t) => {
  const { sandbox, email, call } = await openGmailSession(t)
  const box = sandbox.mailbox(email)
  const ids = [1, 2, 3].map(
    (index) => box.deliver({ from: 'news@out.test', subject: `n${index}`, text: 'x' }).id
  )
  box.deliver({ from: 'other@out.test', subject: 'o', text: 'x' })
  const rule = { criteria: { from: 'news@out.test' }, action: { addLabelIds: ['STARRED'] } }
  const dry = await call('apply_filter_to_existing', { ...rule, dryRun: true })
  t.match(dry.data, { matched: 3, modified: 0, dryRun: true })
  const made = await call('create_filter', rule)
  t.match((await call('apply_filter_to_existing', { filterId: made.data.id })).data, {
    matched: 3,
    modified: 3
  })
  t.ok(ids.every((id) => box.message(id)?.labelIds.has('STARRED')))
  t.match((await call('apply_filter_to_existing', {})).data, { code: 'invalid_argument' })
})

t.test('several messages are read at once, and conversations are found', async (t) => {
  const { sandbox, email, call } = await openGmailSession(t)
  const box = sandbox.mailbox(email)
  const one = box.deliver({
    from: 'Bo <bo@out.test>',
    subject: 'One',
    text: 'First',
    messageId: '<1@x>'
  })
  const two = box.deliver({ from: 'Bo <bo@out.test>', subject: 'Two', html: '<p>Second</p>' })
  const unknown = '19ffffffffffffff'
  const read = await call('batch_read_emails', {
    messageIds: ['<1@x>', two.id, unknown, 'no id'],
    format: 'full'
  })
  t.match(read.data, {
    emails: [{ id: one.id, body: 'First' }, { body: 'Second' }],
    failed: [
      { id: unknown, code: 'not_found' },
      { id: 'no id', code: 'invalid_argument' }
    ]
  })
  t.match((await call('batch_read_emails', { messageIds: one.id })).data, {
    emails: [{ subject: 'One', snippet: 'First' }]
  })
  await call('reply_to_email', { messageId: one.id, body: 'Yes' })
  const threads = await call('search_threads', { query: 'subject:one' })
  t.match(threads.data, {
    threads: [{ id: one.threadId, messageCount: 2, unread: true, lastFromMe: true, subject: 'One' }]
  })
  const page = await call('search_threads', { maxResults: 1, detail: 'ids' })
  t.match(page.data, { threads: { length: 1 }, nextPageToken: String })
})

// One user label for each filter: https://developers.google.com/workspace/gmail/api/guides/filter_settings
t.test('filters of the same criteria that do other things stand beside each other', async (t) => {
  const session = await openGmailSession(t, { level: 'gmail.settings', clock: hasty })
  const { sandbox, call } = session
  const criteria = { from: 'news@out.test' }
  const make = (action: object) => call('create_filter', { criteria, action })
  const first = await make({ addLabelIds: ['STARRED'] })
  t.match((await make({ addLabelIds: ['STARRED'] })).data, {
    code: 'invalid_argument',
    message: new RegExp(`${first.data.id}`)
  })
  const second = await make({ addLabelIds: ['IMPORTANT'], removeLabelIds: ['INBOX'] })
  t.match(second.data, { action: { addLabelIds: ['IMPORTANT'] } })
  sandbox.faults.inject({
    match: { method: 'settings.filters.create' },
    kind: '503',
    times: 1,
    afterEffect: false
  })
  t.match(
    (await make({ removeLabelIds: ['UNREAD'] })).data,
    { code: 'outcome_unknown' },
    'one of the others is not taken for it'
  )
  t.equal(Object((await call('list_filters')).data.filters).length, 2)
})

t.test('a filter whose answer is lost is looked for by its criteria and actions', async (t) => {
  const session = await openGmailSession(t, { level: 'gmail.settings', clock: hasty })
  const { sandbox, call, reported } = session
  const filters = async () => Object((await call('list_filters')).data.filters)
  const lose = (afterEffect: boolean) =>
    sandbox.faults.inject({
      match: { method: 'settings.filters.create' },
      kind: '503',
      times: 1,
      afterEffect
    })
  const rule = { criteria: { from: 'kept@out.test' }, action: { addLabelIds: ['STARRED'] } }
  lose(true)
  const made = await call('create_filter', rule)
  t.match(made.data, { id: String, criteria: rule.criteria })
  t.match(await filters(), [{ id: made.data.id }])
  lose(false)
  const other = { ...rule, criteria: { from: 'lost@out.test' } }
  const lost = await call('create_filter', other)
  t.match(lost.data, { code: 'outcome_unknown', message: /list_filters/ })
  t.equal(reported.filter((each) => each.startsWith('filters.create')).length, 2)
  t.match((await call('create_filter', other)).data, { id: String })
  t.equal((await filters()).length, 2)
})
