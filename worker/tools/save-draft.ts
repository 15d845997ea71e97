import * as z from 'zod'
import type { ToolCall } from './context.ts'
import { type Letter, write } from './outgoing.ts'
import { theirs } from './theirs.ts'

export const DraftOut = z.object({
  draftId: z.string(),
  messageId: z.string().describe('Changes whenever the draft does'),
  threadId: z.string(),
  messageIdHeader: z.string(),
  recipients: theirs(z.array(z.string()), 'Addresses, as they stand in mail that is answered'),
  sizeBytes: z.number()
})
export type DraftOut = z.input<typeof DraftOut>

/** Saves a letter as a new draft. */
export async function saveDraft(letter: Letter, call: ToolCall): Promise<DraftOut> {
  const { raw, messageId, recipients } = await write(letter, call)
  const threadId = letter.thread?.threadId
  const draft = await call.context.mailbox.call(
    'drafts.create',
    {
      requestBody: {
        message: { raw: raw.toString('base64url'), ...(threadId && { threadId }) }
      }
    },
    call.signal
  )
  return {
    draftId: draft.id ?? '',
    messageId: draft.message?.id ?? '',
    threadId: draft.message?.threadId ?? '',
    messageIdHeader: messageId,
    recipients,
    sizeBytes: raw.length
  }
}

export const draftText = (draft: Pick<DraftOut, 'draftId' | 'threadId'>): string =>
  `The draft was saved. Draft ID: ${draft.draftId}, thread ${draft.threadId}.`
