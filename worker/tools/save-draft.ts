import * as z from 'zod'
import type { ToolCall } from './context.ts'
import { type Letter, write } from './outgoing.ts'
import { reachedFields, reachedOut, reachedText } from './reached.ts'
import type { Answer } from './tool.ts'

export const DraftOut = z.object({
  draftId: z.string(),
  messageId: z.string().describe('Changes whenever the draft does'),
  threadId: z.string(),
  messageIdHeader: z.string(),
  ...reachedOut,
  sizeBytes: z.number()
})
export type DraftOut = z.input<typeof DraftOut>

/** Saves a letter as a new draft. It may be without recipients. */
export async function saveDraft(letter: Letter, call: ToolCall): Promise<Answer<DraftOut>> {
  const { context, signal } = call
  const written = await write({ ...letter, isDraft: true }, call)
  const threadId = letter.thread?.threadId
  const message = { raw: written.raw.toString('base64url'), ...(threadId && { threadId }) }
  const draft = await context.mailbox.call('drafts.create', { requestBody: { message } }, signal)
  const structured = {
    draftId: draft.id ?? '',
    messageId: draft.message?.id ?? '',
    threadId: draft.message?.threadId ?? '',
    messageIdHeader: written.messageId,
    ...reachedFields(written),
    sizeBytes: written.raw.length
  }
  const text = `The draft was saved. Draft ID: ${structured.draftId}, thread ${structured.threadId}.\n${reachedText(written, context.nonce())}`
  return { structured, text }
}
