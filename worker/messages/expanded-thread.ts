/** The words of a conversation where it is found, so that it need not be read afterwards. */
import * as z from 'zod'
import type { Thread } from '../gmail/mailbox.ts'
import { readEnvelope } from '../gmail/read-message.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import { ellipsis, truncate } from '../tool-kit/truncate.ts'
import { theirs } from '../tool-kit/untrusted-fields.ts'
import { readBody } from './read-body.ts'
import { withoutThreadQuotes } from './thread-quotes.ts'

/** A message of a conversation that is shown with its words. */
export const ExpandedMessage = z.object({
  id: z.string(),
  from: theirs(z.string()),
  date: z.string().optional(),
  body: theirs(z.string()),
  truncated: z.boolean().describe('Cut: see read_email')
})
export type ExpandedMessage = z.input<typeof ExpandedMessage>

/** Of longer conversations the newest are shown. */
const MOST = 5
/** What a message needs besides its words. */
const HEAD_CHARS = 150
const LEAST_CHARS = 200

/**
 * The newest messages of a thread that was fetched in full, newest last, without drafts and without what they quote of each
 * other; of each as much as fits into its part of so many characters.
 */
export async function expandThread(
  { messages: all = [] }: Thread,
  room: number,
  call: ToolCall
): Promise<ExpandedMessage[]> {
  const newest = all.filter(({ labelIds }) => !labelIds?.includes('DRAFT')).slice(-MOST)
  const read = await Promise.all(
    newest.map(async (message) => ({
      message,
      envelope: readEnvelope(message),
      body: await readBody(message, { html: false }, call)
    }))
  )
  const share = Math.max(LEAST_CHARS, Math.floor(room / Math.max(1, read.length)) - HEAD_CHARS)
  return withoutThreadQuotes(read, all).map(({ envelope, body }) => {
    const { text, truncated } = truncate(body.text, 0, share)
    const { id, date } = envelope
    return {
      id,
      from: ellipsis(envelope.from, 100),
      ...(date && { date }),
      body: text,
      truncated
    }
  })
}
