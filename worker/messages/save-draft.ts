import * as z from 'zod'
import { ToolError } from '#shared/tool-error.ts'
import type { Draft } from '../gmail/mailbox.ts'
import { searchFor } from '../gmail/message-id.ts'
import type { Made } from '../gmail/send-once.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import type { Answer } from '../tool-kit/define-tool.ts'
import { composeMessage, type MessageDraft } from './compose-message.ts'
import { recipientFields, recipientsSchema, recipientsText } from './recipients.ts'
import { sameMessage } from './send-message.ts'

export const DraftOut = z.object({
  draftId: z.string(),
  messageId: z.string().describe('Changes whenever the draft does'),
  threadId: z.string(),
  messageIdHeader: z.string(),
  ...recipientsSchema,
  sizeBytes: z.number()
})
export const SavedOut = DraftOut.extend({
  duplicate: z.boolean().describe('The same draft was there already; nothing was saved now')
})
type SavedOut = z.input<typeof SavedOut>

/** Saves a letter as a new draft, once. It may be without recipients. */
export async function saveDraft(
  letter: MessageDraft,
  { idempotencyKey }: { readonly idempotencyKey?: string | undefined },
  call: ToolCall
): Promise<Answer<SavedOut>> {
  const { context, signal } = call
  const asDraft = { ...letter, isDraft: true }
  const written = await composeMessage(asDraft, call)
  const threadId = letter.thread?.threadId
  const made = await context.sends.once(
    {
      ...sameMessage('draft', written.hash, idempotencyKey),
      messageId: written.messageId,
      async make(chosen) {
        const same =
          chosen === written.messageId ? written : await composeMessage(asDraft, call, chosen)
        const message = { raw: same.raw.toString('base64url'), ...(threadId && { threadId }) }
        const requestBody = { message }
        return asMade(await context.mailbox.call('drafts.create', { requestBody }, signal))
      },
      find: (messageId) => findDraft(messageId, call),
      stands: (known) => isUnchanged(known, call),
      unknown: (messageId) =>
        `Gmail did not say whether the draft was saved, and it is not in the mailbox yet. Look with list_drafts and the query ${searchFor(messageId)} before saving it again.`
    },
    signal
  )
  if (made.duplicate) context.report.deduplicated()
  const [draftId = '', messageId = ''] = made.id.split(' ')
  const structured = {
    draftId,
    messageId,
    threadId: made.threadId,
    messageIdHeader: made.messageId,
    ...recipientFields(written),
    sizeBytes: written.raw.length,
    duplicate: made.duplicate
  }
  const how = made.duplicate ? 'had been saved already' : 'was saved'
  const text = `The draft ${how}. Draft ID: ${draftId}, thread ${made.threadId}.\n${recipientsText(written, context.nonce())}`
  return { structured, text }
}

/** A draft is remembered by its own id and its message's, which changes whenever the draft does. */
const asMade = ({ id, message }: Draft): Made => ({
  id: `${id ?? ''} ${message?.id ?? ''}`,
  threadId: message?.threadId ?? ''
})

async function findDraft(
  messageId: string,
  { context, signal }: ToolCall
): Promise<Made | undefined> {
  const params = { q: searchFor(messageId), maxResults: 1 }
  const { drafts = [] } = await context.mailbox.call('drafts.list', params, signal)
  return drafts[0] && asMade(drafts[0])
}

/** Whether a draft that was saved is there, and nobody has changed it. */
async function isUnchanged({ id }: Made, { context, signal }: ToolCall): Promise<boolean> {
  const [draftId = '', messageId] = id.split(' ')
  try {
    const params = { id: draftId, format: 'minimal' } as const
    const { message } = await context.mailbox.call('drafts.get', params, signal)
    return message?.id === messageId
  } catch (error) {
    if (error instanceof ToolError && error.code === 'not_found') return false
    throw error
  }
}
