import t from 'tap'
import { openGmailSession } from '../../helpers/gmail-session.ts'
import { hasty } from '../../helpers/hasty-clock.ts'

t.test('labels of a message change by id, by name and by wish', async (t) => {
  const { sandbox, email, call } = await openGmailSession(t)
  const box = sandbox.mailbox(email)
  const { id } = box.deliver({
    from: 'bo@out.test',
    subject: 'x',
    text: 'x',
    messageId: '<m@out.test>'
  })
  const labels = () => [...(box.message(id)?.labelIds ?? [])]
  await call('create_label', { name: 'Work' })
  const changed = await call('modify_email', {
    messageId: '<m@out.test>',
    addLabelIds: ['work', 'STARRED'],
    removeLabelIds: '["INBOX"]',
    markAs: 'read'
  })
  t.match(changed.data, { id, labels: Array })
  t.ok(Object(changed.data.labels).includes('Work'))
  t.notOk(labels().includes('UNREAD'))
  t.notOk(labels().includes('INBOX'))
  await call('modify_email', {
    messageId: id,
    labelIds: ['INBOX'],
    markAs: 'unread',
    star: 'false'
  })
  t.ok(labels().includes('INBOX'))
  t.ok(labels().includes('UNREAD'))
  t.notOk(labels().includes('STARRED'))
  await call('modify_email', { messageId: id, archive: true })
  t.notOk(labels().includes('INBOX'))
  t.notOk(labels().includes('TRASH'), 'to archive is not to delete')
  for (const wrong of [
    {},
    { addLabelIds: ['Nope'] },
    { addLabelIds: ['SENT'] },
    { addLabelIds: ['INBOX'], removeLabelIds: ['inbox'] },
    { addLabelIds: ['INBOX'], archive: true },
    { removeLabelIds: [] }
  ]) {
    const refused = await call('modify_email', { messageId: id, ...wrong })
    t.match(refused.data, { code: 'invalid_argument' }, JSON.stringify(wrong))
  }
})

t.test('many messages change in one request, and unknown ids are told', async (t) => {
  const { sandbox, email, call, reported } = await openGmailSession(t)
  const box = sandbox.mailbox(email)
  const ids = Array.from(
    { length: 12 },
    (_, index) => box.deliver({ from: 'bo@out.test', subject: `n${index}`, text: 'x' }).id
  )
  const unknown = '19ffffffffffffff'
  const changed = await call('batch_modify_emails', {
    messageIds: JSON.stringify([...ids, unknown, ids[0]]),
    addLabelIds: ['STARRED'],
    batchSize: '5',
    verify: 'all'
  })
  t.match(changed.data, {
    requested: 13,
    modified: 12,
    notFound: [unknown],
    failed: [],
    verified: 13
  })
  t.equal(reported.filter((each) => each.startsWith('messages.batchModify')).length, 1)
  t.ok(ids.every((id) => box.message(id)?.labelIds.has('STARRED')))
  const dry = await call('batch_modify_emails', {
    query: 'is:starred',
    removeLabelIds: ['STARRED'],
    dryRun: true
  })
  t.match(dry.data, { requested: 12, modified: 0, dryRun: true })
  const byQuery = await call('batch_modify_emails', {
    query: 'is:starred',
    maxMessages: 5,
    removeLabelIds: ['STARRED']
  })
  t.match(byQuery.data, { requested: 5, modified: 5 })
  t.equal(ids.filter((id) => box.message(id)?.labelIds.has('STARRED')).length, 7)
  const done = await call('batch_modify_emails', {
    messageIds: ids,
    markAs: 'unread',
    archive: 'true'
  })
  t.match(done.data, { modified: 12, failed: [] }, 'in words instead of labels')
  const marks = (id: string) => {
    const labels = box.message(id)?.labelIds
    return labels?.has('UNREAD') && !labels.has('INBOX')
  }
  t.ok(ids.every(marks))
  for (const wrong of [
    { addLabelIds: ['STARRED'] },
    { messageIds: ids, archive: true, addLabelIds: ['INBOX'] },
    { messageIds: ids, query: 'x', addLabelIds: ['STARRED'] },
    { messageIds: ids },
    { messageIds: Array(1001).fill(ids[0]), addLabelIds: ['STARRED'] },
    { messageIds: [], addLabelIds: ['STARRED'] }
  ])
    t.match((await call('batch_modify_emails', wrong)).data, { code: 'invalid_argument' })
})

t.test('a thousand messages change and go in one call each', async (t) => {
  const { sandbox, email, call } = await openGmailSession(t)
  const box = sandbox.mailbox(email)
  const messageIds = Array.from(
    { length: 1000 },
    (_, index) => box.deliver({ from: 'bo@out.test', subject: `n${index}`, text: 'x' }).id
  )
  const changed = await call('batch_modify_emails', {
    messageIds,
    addLabelIds: ['STARRED'],
    verify: 'all'
  })
  t.match(changed.data, { requested: 1000, modified: 1000, notFound: [] })
  t.ok(Number(changed.data.verified) >= 100, 'as many are verified as the quota has room for')
  const deleted = await call('batch_delete_emails', { messageIds, confirm: true })
  t.match(deleted.data, { requested: 1000, deleted: 1000, permanent: true })
  t.equal(box.messages.length, 0)
})

t.test('the bin gives back what deletion does not', async (t) => {
  const { sandbox, email, call } = await openGmailSession(t)
  const box = sandbox.mailbox(email)
  const deliver = () => box.deliver({ from: 'bo@out.test', subject: 'x', text: 'x' }).id
  const [one, two, three, four] = [deliver(), deliver(), deliver(), deliver()]
  t.match((await call('trash_email', { messageId: one })).data, { trashed: [one] })
  t.ok(box.message(one)?.labelIds.has('TRASH'))
  t.match((await call('untrash_email', { messageId: one })).data, { restored: [one] })
  t.notOk(box.message(one)?.labelIds.has('TRASH'))
  const unknown = '19ffffffffffffff'
  const many = await call('trash_email', { messageIds: [one, two, three, unknown] })
  t.match(many.data, { trashed: [one, two, three], notFound: [unknown] })
  t.match((await call('trash_email', { messageId: unknown })).data, { code: 'not_found' })
  t.match((await call('delete_email', { messageId: four, confirm: false })).data, {
    code: 'declined'
  })
  t.ok(box.message(four))
  t.match((await call('delete_email', { messageId: four, confirm: true })).data, {
    deleted: true,
    permanent: true
  })
  t.notOk(box.message(four))
  t.match((await call('report_spam', { messageIds: [one, unknown] })).data, {
    ids: [one],
    notFound: [unknown]
  })
  t.ok(box.message(one)?.labelIds.has('SPAM'))
  t.match((await call('not_spam', { messageIds: one })).data, { ids: [one] })
  t.ok(box.message(one)?.labelIds.has('INBOX'))
  const gone = await call('batch_delete_emails', {
    messageIds: [one, two, four],
    batchSize: 2,
    confirm: true
  })
  t.match(gone.data, { requested: 3, deleted: 2, notFound: [four] })
})

t.test('a conversation changes as a whole', async (t) => {
  const { sandbox, email, call } = await openGmailSession(t)
  const box = sandbox.mailbox(email)
  const first = box.deliver({ from: 'bo@out.test', subject: 'T', text: '1', messageId: '<1@x>' })
  const second = box.deliver({
    from: 'bo@out.test',
    subject: 'Re: T',
    text: '2',
    inReplyTo: '<1@x>',
    references: '<1@x>'
  })
  const { threadId } = first
  t.equal(second.threadId, threadId)
  const both = (label: string) =>
    [first, second].map(({ id }) => box.message(id)?.labelIds.has(label))
  await call('modify_thread', { threadId, archive: 'true', markAs: 'read', star: true })
  t.same(
    [both('INBOX'), both('UNREAD'), both('STARRED')].flat().join(),
    'false,false,false,false,true,true'
  )
  t.match((await call('trash_thread', { threadId })).data, { id: threadId, trashed: true })
  t.same(both('TRASH'), [true, true])
  t.match((await call('untrash_thread', { threadId })).data, { restored: true })
  t.same(both('TRASH'), [false, false])
  t.match((await call('modify_thread', { threadId })).data, { code: 'invalid_argument' })
  t.match((await call('trash_thread', { threadId: '19ffffffffffffff' })).data, {
    code: 'not_found'
  })
})

t.test('labels are made, found, changed and deleted', async (t) => {
  const { call } = await openGmailSession(t)
  const made = await call('get_or_create_label', { name: 'Projects/2026/Alpha' })
  t.match(made.data, { name: 'Projects/2026/Alpha', type: 'user', created: true })
  t.match(made.text, /created/)
  const listed = await call('list_email_labels', { type: 'user' })
  t.match(listed.data, { labels: { length: 3 }, userCount: 3, systemCount: 0 })
  const found = await call('get_or_create_label', { name: 'projects/2026/ALPHA' })
  t.match(found.data, { id: made.data.id, created: false })
  t.match(found.text, /exists/)
  t.match((await call('create_label', { name: 'PROJECTS' })).data, {
    code: 'invalid_argument',
    message: /exists already/
  })
  const changed = await call('update_label', { id: made.data.id, labelListVisibility: 'labelHide' })
  t.match(changed.data, { name: 'Projects/2026/Alpha', labelListVisibility: 'labelHide' })
  const renamed = await call('update_label', { id: 'Projects/2026/Alpha', name: 'Beta' })
  t.match(renamed.data, { id: made.data.id, name: 'Beta', labelListVisibility: 'labelHide' })
  const coloured = await call('update_label', {
    id: 'Beta',
    color: '{"textColor":"#000000","backgroundColor":"#ffffff"}'
  })
  t.match(coloured.data, { color: { backgroundColor: '#ffffff' } })
  const counted = await call('list_email_labels', { includeCounts: true, prefix: 'beta' })
  t.match(counted.data, { labels: [{ name: 'Beta', messagesTotal: 0 }] })
  for (const [tool, args] of [
    ['delete_label', { id: 'INBOX' }],
    ['update_label', { id: 'inbox', name: 'x' }],
    ['update_label', { id: 'Beta' }],
    ['delete_label', { id: 'Gamma' }],
    ['create_label', { name: '' }],
    ['create_label', { name: 'a\r\nb' }],
    ['get_or_create_label', { name: 'A//B' }],
    ['update_label', { id: 'Beta', color: { textColor: '#123456', backgroundColor: '#ffffff' } }]
  ] as const)
    t.match((await call(tool, args)).data, { code: 'invalid_argument' }, JSON.stringify(args))
  t.match((await call('delete_label', { id: 'beta' })).data, { deleted: true, id: made.data.id })
  t.match((await call('list_email_labels', { prefix: 'Beta' })).data, { labels: [] })
})

t.test('a label whose answer is lost is looked for by its name', async (t) => {
  const session = await openGmailSession(t, { clock: hasty })
  const { sandbox, email, call, reported } = session
  const named = (name: string) =>
    sandbox.mailbox(email).labels.filter((label) => label.name === name)
  const lose = (afterEffect: boolean) =>
    sandbox.faults.inject({
      match: { method: 'labels.create' },
      kind: '503',
      times: 1,
      afterEffect
    })
  lose(true)
  const made = await call('create_label', { name: 'Kept' })
  t.match(made.data, { id: named('Kept')[0]?.id, name: 'Kept' })
  lose(false)
  const lost = await call('create_label', { name: 'Lost' })
  t.match(lost.data, { code: 'outcome_unknown', message: /get_or_create_label/ })
  t.equal(reported.filter((each) => each.startsWith('labels.create')).length, 2)
  t.match((await call('get_or_create_label', { name: 'Lost' })).data, { created: true })
  t.equal(named('Lost').length, 1)
})
