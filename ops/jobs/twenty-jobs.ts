/** What people ask an assistant to do with their mail, as the calls that it takes. */

/** The structured result of an earlier call, whichever form its client is shown. */
type Found = Readonly<Record<string, unknown>>

/** Calls a tool; a failure ends the job. */
export type Call = (name: string, args?: Record<string, unknown>) => Promise<Found>

export interface Job {
  readonly title: string
  readonly run: (call: Call) => Promise<void>
}

const ids = ({ emails }: Found): string[] => list(emails).map(({ id }) => String(id))
const threadIds = ({ emails, threads }: Found): string[] => [
  ...new Set([
    ...list(emails).map(({ threadId }) => String(threadId)),
    ...list(threads).map(({ id }) => String(id))
  ])
]
const list = (value: unknown): Found[] => (Array.isArray(value) ? value : [])
const first = (found: readonly string[]): string => {
  const [id] = found
  if (id === undefined) throw new Error('the job found no mail')
  return id
}

export const TWENTY_JOBS: readonly Job[] = [
  {
    title: 'Triage: what is unread, read five, archive them, look again',
    async run(call) {
      const search = { query: 'is:unread in:inbox', maxResults: 20 }
      const unread = ids(await call('search_emails', search)).slice(0, 5)
      for (const messageId of unread) await call('read_email', { messageId })
      const change = { messageIds: unread, removeLabelIds: ['INBOX', 'UNREAD'] }
      await call('batch_modify_emails', change)
      await call('search_emails', search)
    }
  },
  {
    title: 'Read a conversation and answer it',
    async run(call) {
      const found = await call('search_emails', { query: 'subject:Budget', maxResults: 5 })
      await call('get_thread', { threadId: first(threadIds(found)) })
      await call('reply_to_email', { messageId: first(ids(found)), body: 'Agreed.' })
    }
  },
  {
    title: 'The invoice of May as a file',
    async run(call) {
      const found = ids(await call('search_emails', { query: 'subject:Invoice has:attachment' }))
      const messageId = first(found)
      await call('read_email', { messageId })
      await call('download_attachment', { messageId, filename: 'invoice.txt' })
    }
  },
  {
    title: 'Reply to all with a file of another message',
    async run(call) {
      const invoice = first(ids(await call('search_emails', { query: 'subject:Invoice' })))
      const read = await call('read_email', { messageId: invoice })
      const partId = list(read.attachments)[0]?.partId
      const asked = ids(await call('search_emails', { query: 'subject:Budget', maxResults: 5 }))
      const messageId = first(asked)
      await call('read_email', { messageId })
      const attachments = [{ fromMessageId: invoice, partId }]
      await call('reply_all', { messageId, body: 'Here it is.', attachments })
    }
  },
  {
    title: 'Clean up newsletters: look, read two, archive all',
    async run(call) {
      const search = { query: 'subject:Weekly', maxResults: 20 }
      const found = ids(await call('search_emails', search))
      for (const messageId of found.slice(0, 2)) await call('read_email', { messageId })
      const change = { query: search.query, removeLabelIds: ['INBOX'] }
      await call('batch_modify_emails', { ...change, dryRun: true })
      await call('batch_modify_emails', change)
      await call('search_emails', search)
    }
  },
  {
    title: 'Switch on the vacation responder',
    async run(call) {
      await call('get_vacation_responder')
      await call('update_vacation_responder', {
        enabled: true,
        subject: 'Away',
        body: 'Until Monday.',
        confirm: true
      })
      await call('get_vacation_responder')
    }
  },
  {
    title: 'Who waits for me? Read three conversations, answer one',
    async run(call) {
      const { waitForMe } = await call('find_unanswered')
      const waiting = list(waitForMe).slice(0, 3)
      for (const { threadId } of waiting) await call('get_thread', { threadId })
      await call('reply_to_email', {
        messageId: waiting[0]?.messageId,
        body: 'Sorry for the delay.'
      })
    }
  },
  {
    title: 'Sum up the week: conversations of the inbox, three of them read',
    async run(call) {
      const found = threadIds(await call('list_inbox_threads', { maxResults: 10 }))
      for (const threadId of found.slice(0, 3)) await call('get_thread', { threadId })
    }
  },
  {
    title: 'Find a decision: three searches, three messages read',
    async run(call) {
      await call('search_emails', { query: 'project' })
      await call('search_emails', { query: 'project plan' })
      const found = ids(await call('search_emails', { query: 'subject:Project' }))
      for (const messageId of found.slice(0, 3)) await call('read_email', { messageId })
    }
  },
  {
    title: 'Forward a message with its file',
    async run(call) {
      const messageId = first(ids(await call('search_emails', { query: 'subject:Invoice' })))
      await call('read_email', { messageId })
      await call('forward_email', { messageId, to: ['bob@acme.test'], body: 'For you.' })
    }
  },
  {
    title: 'Write a draft, change it, send it',
    async run(call) {
      const mail = { to: ['bob@acme.test'], subject: 'Lunch', body: 'At noon?' }
      const { draftId } = await call('draft_email', mail)
      await call('get_draft', { draftId })
      await call('update_draft', { draftId, body: 'At one?' })
      await call('send_draft', { draftId })
    }
  },
  {
    title: 'Put a label on a project',
    async run(call) {
      const search = { query: 'subject:Project', maxResults: 10 }
      const messageIds = ids(await call('search_emails', search))
      await call('get_or_create_label', { name: 'Project' })
      await call('batch_modify_emails', { messageIds, addLabelIds: ['Project'] })
      await call('search_emails', { query: 'label:Project', maxResults: 10 })
    }
  },
  {
    title: 'Move old newsletters to the bin',
    async run(call) {
      const search = { query: 'subject:Weekly', maxResults: 10 }
      const messageIds = ids(await call('search_emails', search))
      await call('trash_email', { messageIds })
      await call('search_emails', search)
    }
  },
  {
    title: 'Read five messages of one sender',
    async run(call) {
      const found = ids(await call('search_emails', { query: 'from:bo', maxResults: 10 }))
      await call('batch_read_emails', { messageIds: found.slice(0, 5), format: 'full' })
    }
  },
  {
    title: 'Make a filter and apply it to what is there',
    async run(call) {
      await call('list_filters')
      const rule = { criteria: { subject: 'Weekly' }, action: { removeLabelIds: ['INBOX'] } }
      await call('create_filter', rule)
      await call('apply_filter_to_existing', { ...rule, dryRun: true })
      await call('apply_filter_to_existing', rule)
    }
  },
  {
    title: 'What is new? Look at the inbox twice in an hour, read two',
    async run(call) {
      const search = { query: 'in:inbox', maxResults: 10 }
      await call('search_emails', search)
      const found = ids(await call('search_emails', search))
      for (const messageId of found.slice(0, 2)) await call('read_email', { messageId })
    }
  },
  {
    title: 'Report spam',
    async run(call) {
      const found = ids(await call('search_emails', { query: 'subject:Weekly', maxResults: 5 }))
      await call('read_email', { messageId: first(found) })
      await call('report_spam', { messageIds: [first(found)] })
    }
  },
  {
    title: 'Check an answer before it goes: dry run, then send',
    async run(call) {
      const found = ids(await call('search_emails', { query: 'subject:Budget', maxResults: 5 }))
      const answer = { messageId: first(found), body: 'Thank you.' }
      await call('read_email', { messageId: answer.messageId })
      await call('reply_to_email', { ...answer, dryRun: true })
      await call('reply_to_email', answer)
    }
  },
  {
    title: 'Follow up what I have sent: look, read two conversations, draft one answer',
    async run(call) {
      const found = await call('search_emails', { query: 'from:bo', maxResults: 5 })
      for (const threadId of threadIds(found).slice(0, 2)) await call('get_thread', { threadId })
      const answer = { messageId: first(ids(found)), body: 'Any news?' }
      await call('reply_to_email', { ...answer, asDraft: true })
    }
  },
  {
    title: 'Prepare a meeting: two conversations found and read, then one again',
    async run(call) {
      const found = threadIds(
        await call('search_threads', { query: 'subject:Project', maxResults: 5 })
      )
      for (const threadId of found.slice(0, 2)) await call('get_thread', { threadId })
      await call('get_thread', { threadId: first(found) })
    }
  }
]
