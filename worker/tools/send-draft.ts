import * as z from 'zod'
import { ToolError } from '#shared/tool-error.ts'
import type { Draft, Message } from '../gmail/mailbox.ts'
import { withAddressesAsSent } from '../gmail/raw-message.ts'
import { header, headerValues } from '../gmail/read-message.ts'
import type { Done } from '../gmail/send-once.ts'
import { peopleIn, type Recipients } from '../messages/compose-reply.ts'
import { sending as sendingInput } from '../messages/message-input.ts'
import { recipientFields, recipientsText } from '../messages/recipients.ts'
import { beforeSending } from '../messages/risk-policy.ts'
import { DAY_MS, SentOut, sentMail, sentText } from '../messages/send-message.ts'
import { noteSent } from '../process/served-request.ts'
import { flag, stringList } from '../tool-kit/coerce.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import { defineTool } from '../tool-kit/define-tool.ts'
import { SENDS } from '../tool-kit/schemas.ts'
import { draftId, fetchDraft } from './drafts.ts'

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
    idempotencyKey: sendingInput.idempotencyKey.describe('Not needed: a draft goes out once')
  }),
  output: SentOut,
  async run(args, call) {
    const { context, signal } = call
    const add = await context.labels.resolve(args.addLabelIds ?? [], signal)
    const remove = await context.labels.resolve(args.removeLabelIds ?? [], signal)
    const { message = {}, earlier } = await draftOrMail(args.draftId, call)
    const written = whom(await withAddressesAsSent(message, context.mailbox, signal))
    if (written.reached.to.length + written.reached.cc.length + written.reached.bcc.length === 0)
      throw new ToolError('invalid_argument', 'The draft has no recipient yet.')
    const subject = header(message, 'subject') ?? ''
    let labelIds = ['SENT']
    const sendNow = async () => {
      const hash = message.id ?? ''
      await beforeSending({ tool: 'send_draft', reached: written.reached, subject, hash }, call)
      return context.sends.once(
        {
          key: keyOf(args.draftId),
          content: args.draftId,
          // A draft that went out is gone, and no other one gets its id.
          windowMs: DAY_MS,
          doubtMs: DAY_MS,
          messageId: headerValues(message, 'message-id')[0]?.trim() ?? '',
          async make() {
            const params = { requestBody: { id: args.draftId } }
            const sent = await context.mailbox.call('drafts.send', params, signal)
            labelIds = sent.labelIds ?? []
            return { id: sent.id ?? '', threadId: sent.threadId ?? '' }
          },
          ...sentMail(call)
        },
        signal
      )
    }
    const { messageId, id, threadId, duplicate } = earlier ?? (await sendNow())
    const fields = recipientFields(written)
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
      labelIds,
      ...fields,
      sent: true,
      duplicate,
      dryRun: false,
      sizeBytes: message.sizeEstimate ?? 0
    }
    const text = `${sentText(structured)}\n${recipientsText(written, context.nonce())}`
    return { structured, text }
  }
})

const keyOf = (id: string): string => `send draft:${id}`

/** The message in the draft, or, where the draft is gone because it was sent, the one that it has become. */
async function draftOrMail(
  id: string,
  call: ToolCall
): Promise<Pick<Draft, 'message'> & { readonly earlier?: Done }> {
  const { context, signal } = call
  try {
    return await fetchDraft(id, 'metadata', call)
  } catch (error) {
    if (!(error instanceof ToolError) || error.code !== 'not_found') throw error
    const sent = await context.sends.look({ key: keyOf(id), ...sentMail(call) }, signal)
    if (!sent)
      throw new ToolError(
        'not_found',
        'There is no such draft. It may have been deleted, or sent by somebody else.',
        { cause: error }
      )
    const params = { id: sent.id, format: 'metadata' } as const
    const message = await context.mailbox.call('messages.get', params, signal).catch(() => {
      const words = `The draft was sent as message ${sent.id}, which cannot be read any more.`
      throw new ToolError('not_found', words)
    })
    return { message, earlier: { ...sent, duplicate: true } }
  }
}

/** Whom the draft reaches. */
function whom(message: Message) {
  const [to, cc, bcc] = ['to', 'cc', 'bcc'].map((field) => peopleIn(message, field))
  const bare = (people: Pick<Recipients, 'to'> | undefined) =>
    (people?.to ?? []).map(({ address }) => address)
  const odd = [to, cc, bcc].flatMap((people) => people?.odd ?? [])
  return { reached: { to: bare(to), cc: bare(cc), bcc: bare(bcc) }, odd }
}
