import * as z from 'zod'
import { headerValues, readEnvelope } from '../gmail/read-message.ts'
import { ToolError } from '../tool-error.ts'
import { flag, stringList } from './coerce.ts'
import { SAME_KEY_MS, SentOut, sentText } from './deliver.ts'
import { draftId, fetchDraft } from './drafts.ts'
import { sending } from './letter-input.ts'
import { SENDS } from './schemas.ts'
import { defineTool } from './tool.ts'

export const sendDraft = defineTool({
  name: 'send_draft',
  title: 'Send a draft',
  description: 'Sends a draft as it is. Afterwards it is no draft any more.',
  level: 'gmail.modify',
  annotations: SENDS,
  input: z.object({
    draftId,
    archiveThread: flag().default(false).describe('Take the thread out of the inbox afterwards'),
    addLabelIds: stringList(0, 100).optional().describe('Labels for the sent message'),
    removeLabelIds: stringList(0, 100).optional(),
    idempotencyKey: sending.idempotencyKey
  }),
  output: SentOut,
  async run(args, call) {
    const { context, signal } = call
    const add = await context.labels.resolve(args.addLabelIds ?? [], signal)
    const remove = await context.labels.resolve(args.removeLabelIds ?? [], signal)
    const { message = {} } = await fetchDraft(args.draftId, 'metadata', call)
    const envelope = readEnvelope(message)
    const recipients = [...envelope.to, ...envelope.cc, ...envelope.bcc]
    if (recipients.length === 0)
      throw new ToolError('invalid_argument', 'The draft has no recipient yet.')
    const { messageId, id, threadId, labelIds, duplicate } = await context.sends.once(
      {
        key: `draft:${args.idempotencyKey ?? message.id}`,
        content: `${args.draftId} ${message.id}`,
        windowMs: SAME_KEY_MS
      },
      headerValues(message, 'message-id')[0]?.trim() ?? '',
      async () => {
        const params = { requestBody: { id: args.draftId } }
        const sent = await context.mailbox.call('drafts.send', params, signal)
        return {
          id: sent.id ?? '',
          threadId: sent.threadId ?? '',
          labelIds: sent.labelIds ?? []
        }
      },
      signal
    )
    if (add.length + remove.length > 0) {
      const requestBody = { addLabelIds: add, removeLabelIds: remove }
      await context.mailbox.call('messages.modify', { id, requestBody }, signal)
    }
    if (args.archiveThread) {
      const requestBody = { removeLabelIds: ['INBOX'] }
      await context.mailbox.call('threads.modify', { id: threadId, requestBody }, signal)
    }
    const structured = {
      id,
      threadId,
      messageIdHeader: messageId,
      labelIds: [...labelIds],
      recipients,
      sent: true,
      duplicate,
      dryRun: false,
      sizeBytes: envelope.sizeEstimate
    }
    return { structured, text: sentText(structured) }
  }
})
