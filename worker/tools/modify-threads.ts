import * as z from 'zod'
import { asThreadId } from '../gmail/thread-id.ts'
import { ChangedOut, changedAnswer, changeInput, resolveWishes } from '../messages/label-change.ts'
import { defineTool } from '../tool-kit/define-tool.ts'
import { CHANGES } from '../tool-kit/schemas.ts'

const threadId = z.string().min(1).describe('threadId of any of its messages')

export const modifyThread = defineTool({
  name: 'modify_thread',
  title: 'Change labels of a conversation',
  description:
    'Adds and removes labels of all messages of one thread; marks it as read or unread, archives or stars it.',
  level: 'gmail.modify',
  annotations: CHANGES,
  input: z.object({
    threadId,
    ...changeInput
  }),
  output: ChangedOut,
  async run(args, call) {
    const { context, signal } = call
    const id = asThreadId(args.threadId)
    const requestBody = await resolveWishes(args, call)
    await context.mailbox.call('threads.modify', { id, requestBody }, signal)
    const thread = await context.mailbox.call('threads.get', { id, format: 'minimal' }, signal)
    const labelIds = [...new Set((thread.messages ?? []).flatMap((each) => each.labelIds ?? []))]
    return changedAnswer('thread', id, labelIds, call)
  }
})

export const trashThread = defineTool({
  name: 'trash_thread',
  title: 'Move a conversation to the bin',
  description:
    'Moves all messages of a thread to the bin, from where untrash_thread brings them back for 30 days.',
  level: 'gmail.modify',
  annotations: CHANGES,
  input: z.object({ threadId }),
  output: z.object({ id: z.string(), trashed: z.boolean() }),
  async run(args, { context, signal }) {
    const id = asThreadId(args.threadId)
    await context.mailbox.call('threads.trash', { id }, signal)
    return { structured: { id, trashed: true }, text: `Thread ${id} was moved to the bin.` }
  }
})

export const untrashThread = defineTool({
  name: 'untrash_thread',
  title: 'Take a conversation out of the bin',
  description: 'Brings all messages of a thread back from the bin.',
  level: 'gmail.modify',
  annotations: CHANGES,
  input: z.object({ threadId }),
  output: z.object({ id: z.string(), restored: z.boolean() }),
  async run(args, { context, signal }) {
    const id = asThreadId(args.threadId)
    await context.mailbox.call('threads.untrash', { id }, signal)
    return { structured: { id, restored: true }, text: `Thread ${id} was restored.` }
  }
})
