import * as z from 'zod'
import type { Message } from '../gmail/methods.ts'
import { withAddressesAsSent } from '../gmail/raw-message.ts'
import { header, headerValues } from '../gmail/read-message.ts'
import { noteSent } from '../served-request.ts'
import { ToolError } from '../tool-error.ts'
import { flag, stringList } from './coerce.ts'
import { SAME_KEY_MS, SentOut, sentText } from './deliver.ts'
import { draftId, fetchDraft } from './drafts.ts'
import { sending as sendingInput } from './letter-input.ts'
import { reachedFields, reachedText } from './reached.ts'
import { peopleIn, type Recipients } from './reply.ts'
import { beforeSending } from './risks.ts'
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
    idempotencyKey: sendingInput.idempotencyKey
  }),
  output: SentOut,
  async run(args, call) {
    const { context, signal } = call
    const add = await context.labels.resolve(args.addLabelIds ?? [], signal)
    const remove = await context.labels.resolve(args.removeLabelIds ?? [], signal)
    const { message = {} } = await fetchDraft(args.draftId, 'metadata', call)
    const written = whom(await withAddressesAsSent(message, context.mailbox, signal))
    if (written.reached.to.length + written.reached.cc.length + written.reached.bcc.length === 0)
      throw new ToolError('invalid_argument', 'The draft has no recipient yet.')
    const subject = header(message, 'subject') ?? ''
    const sending = {
      tool: 'send_draft',
      reached: written.reached,
      subject,
      hash: message.id ?? ''
    }
    await beforeSending(sending, call)
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
    const fields = reachedFields(written)
    if (duplicate) context.report.deduplicated()
    else noteSent(fields.recipients.length)
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
      ...fields,
      sent: true,
      duplicate,
      dryRun: false,
      sizeBytes: message.sizeEstimate ?? 0
    }
    const text = `${sentText(structured)}\n${reachedText(written, context.nonce())}`
    return { structured, text }
  }
})

/** Whom the draft reaches. */
function whom(message: Message) {
  const [to, cc, bcc] = ['to', 'cc', 'bcc'].map((field) => peopleIn(message, field))
  const bare = (people: Pick<Recipients, 'to'> | undefined) =>
    (people?.to ?? []).map(({ address }) => address)
  const odd = [to, cc, bcc].flatMap((people) => people?.odd ?? [])
  return { reached: { to: bare(to), cc: bare(cc), bcc: bare(bcc) }, odd }
}
