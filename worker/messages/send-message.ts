import * as z from 'zod'
import { findByMessageId, searchFor } from '../gmail/message-id.ts'
import { noteSent } from '../process/served-request.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import type { Answer } from '../tool-kit/define-tool.ts'
import { fence } from '../tool-kit/untrusted-fence.ts'
import { type ComposedMessage, composeMessage, type MessageDraft } from './compose-message.ts'
import { recipientFields, recipientsSchema, recipientsText } from './recipients.ts'
import { beforeSending, reasonsToAsk } from './risk-policy.ts'

export const SentOut = z.object({
  id: z.string().optional().describe('Absent after a dry run'),
  threadId: z.string().optional(),
  messageIdHeader: z.string(),
  labelIds: z.array(z.string()),
  ...recipientsSchema,
  sent: z.boolean(),
  duplicate: z.boolean().describe('It had been sent before; nothing was sent now'),
  dryRun: z.boolean(),
  sizeBytes: z.number()
})
export type SentOut = z.input<typeof SentOut>

/** How long a repetition is recognised: without a key of the client, and with one. */
const SAME_CONTENT_MS = 60_000
const SAME_KEY_MS = 3_600_000
/** The same where nobody knows what came of the first. */
const CONTENT_DOUBT_MS = 900_000
export const DAY_MS = 86_400_000

/** What makes two letters the same: the client's own key, which then stands for this letter alone, or what it says. */
export const sameMessage = (kind: 'mail' | 'draft', hash: string, idempotencyKey?: string) =>
  idempotencyKey === undefined
    ? {
        key: `${kind} content:${hash}`,
        content: hash,
        windowMs: SAME_CONTENT_MS,
        doubtMs: CONTENT_DOUBT_MS
      }
    : {
        key: `${kind} client:${idempotencyKey}`,
        content: hash,
        windowMs: SAME_KEY_MS,
        doubtMs: DAY_MS
      }

/** How a message is found that may have gone out, and what is said when it is not. */
export const sentMail = ({ context, signal }: ToolCall) => ({
  find: (messageId: string) => findByMessageId(context.mailbox, messageId, signal, 'sent'),
  unknown: (messageId: string) =>
    `Gmail did not say whether the message was sent, and it is not in the mailbox yet. Search for ${searchFor(messageId)} before sending it again.`
})

/** Sends a letter once, or only composes it. */
export async function sendMessage(
  letter: MessageDraft,
  options: { idempotencyKey?: string | undefined; dryRun: boolean },
  call: ToolCall
): Promise<Answer<SentOut>> {
  const written = await composeMessage(letter, call)
  const structured = await send(written, letter, options, call)
  const whom = recipientsText(written, call.context.nonce())
  const asks = options.dryRun ? await reasonsToAsk({ ...written, ...letter }, call) : []
  const told =
    asks.length > 0
      ? `\nSending it asks the user first.\n${fence(call.context.nonce(), asks.join('\n'))}`
      : ''
  return { structured, text: `${sentText(structured)}\n${whom}${told}` }
}

async function send(
  written: ComposedMessage,
  letter: MessageDraft,
  { idempotencyKey, dryRun }: { idempotencyKey?: string | undefined; dryRun: boolean },
  call: ToolCall
): Promise<SentOut> {
  const { context, signal } = call
  const base = { ...recipientFields(written), dryRun, sizeBytes: written.raw.length }
  if (dryRun)
    return {
      ...base,
      messageIdHeader: written.messageId,
      labelIds: [],
      sent: false,
      duplicate: false
    }
  const { reached, hash } = written
  await beforeSending(
    { tool: 'send', reached, hash, subject: letter.subject, forwards: letter.forwards === true },
    call
  )
  const threadId = letter.thread?.threadId
  let labelIds = ['SENT']
  const { id, messageId, duplicate, ...sent } = await context.sends.once(
    {
      ...sameMessage('mail', hash, idempotencyKey),
      messageId: written.messageId,
      async make(chosen) {
        const same =
          chosen === written.messageId ? written : await composeMessage(letter, call, chosen)
        const raw = same.raw.toString('base64url')
        const requestBody = { raw, ...(threadId && { threadId }) }
        const message = await context.mailbox.call('messages.send', { requestBody }, signal)
        labelIds = message.labelIds ?? []
        return { id: message.id ?? '', threadId: message.threadId ?? '' }
      },
      ...sentMail(call)
    },
    signal
  )
  if (duplicate) context.report.deduplicated()
  else noteSent(base.recipients.length)
  return {
    ...base,
    id,
    threadId: sent.threadId,
    messageIdHeader: messageId,
    labelIds,
    sent: true,
    duplicate
  }
}

/** What became of a message, in a sentence. */
export function sentText(sent: SentOut): string {
  const whom = `${sent.recipients.length} recipient${sent.recipients.length === 1 ? '' : 's'}`
  if (sent.dryRun) return `Dry run: the message is well-formed (${sent.sizeBytes} bytes, ${whom}).`
  const how = sent.duplicate ? 'had been sent already; it was not sent again' : 'was sent'
  return `The message ${how}. ID: ${sent.id}, thread ${sent.threadId}, ${whom}.`
}
