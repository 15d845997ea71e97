import t from 'tap'
import { openGmailSession } from '../../helpers/gmail-session.ts'

t.test('what is new since a point is listed, page by page, with names of labels', async (t) => {
  const { sandbox, email, call } = await openGmailSession(t)
  const box = sandbox.mailbox(email)
  const start = await call('list_history')
  t.match(start.data, { changes: [], fullSyncNeeded: false, historyId: /^\d+$/ })
  const startHistoryId = String(start.data.historyId)

  const one = box.deliver({ from: 'bo@out.test', subject: 'one', text: 'x' })
  const two = box.deliver({ from: 'bo@out.test', subject: 'two', text: 'x' })
  await call('create_label', { name: 'Work' })
  await call('modify_email', { messageId: one.id, addLabelIds: ['Work'] })

  const all = await call('list_history', { startHistoryId })
  t.match(all.data.changes, [
    { kind: 'messageAdded', messageId: one.id },
    { kind: 'messageAdded', messageId: two.id },
    { kind: 'labelAdded', messageId: one.id, labels: ['Work'] }
  ])
  t.match(all.text, new RegExp(`labelAdded ${one.id} .* Work`))
  t.notMatch(all.text, 'one', 'no words of a sender')

  const page = await call('list_history', { startHistoryId, maxResults: 1 })
  t.equal(Object(page.data.changes).length, 1)
  const { nextPageToken: pageToken } = page.data
  const next = await call('list_history', { startHistoryId, maxResults: 500, pageToken })
  t.equal(Object(next.data.changes).length, Object(all.data.changes).length - 1)

  const labelled = await call('list_history', { startHistoryId, label: 'work' })
  t.match(labelled.data.changes, [{ messageId: one.id }])
  const kinds = await call('list_history', { startHistoryId, types: ['labelAdded'] })
  t.equal(Object(kinds.data.changes).length, 1)
  const nothing = await call('list_history', { startHistoryId: all.data.historyId })
  t.match(nothing, { data: { changes: [] }, text: /Nothing has changed/ })
})

// Gmail API reference, users.history.list: an id that is too old is answered with 404, and means a full sync.
t.test('when Gmail no longer knows, a full sync is asked for', async (t) => {
  const { call } = await openGmailSession(t)
  const old = await call('list_history', { startHistoryId: '1' })
  t.match(old, { isError: false, data: { fullSyncNeeded: true, historyId: /^\d+$/ } })
  for (const wrong of [{ startHistoryId: 'x' }, { startHistoryId: '5', label: 'Nope' }])
    t.match(await call('list_history', wrong), {
      isError: true,
      data: { code: 'invalid_argument' }
    })
})

t.test('the search is explained, all of it or by topic', async (t) => {
  const { call } = await openGmailSession(t)
  const all = await call('get_search_help')
  for (const operator of ['from:', 'has:attachment', 'older_than:', 'OR', 'in:anywhere'])
    t.match(all.text, operator)
  const time = await call('get_search_help', { topic: 'time' })
  t.match(time.text, /Pacific time/)
  t.notMatch(time.text, 'has:attachment')
})
