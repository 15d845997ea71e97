import * as z from 'zod'
import { parseAddress, sameAddress } from '../gmail/addresses.ts'
import { resolveMessageId } from '../gmail/message-id.ts'
import type { Message } from '../gmail/methods.ts'
import { attribution, replySubject, threadHeadersFor } from '../gmail/parent.ts'
import { type Envelope, readEnvelope } from '../gmail/read-message.ts'
import { ToolError } from '../tool-error.ts'
import { readBody } from './body.ts'
import { flag } from './coerce.ts'
import type { ToolCall } from './context.ts'
import { deliver, SentOut, sentText } from './deliver.ts'
import { escapeHtml } from './escape-html.ts'
import { content, recipients, sending } from './letter-input.ts'
import type { Letter } from './outgoing.ts'
import { draftText, saveDraft } from './save-draft.ts'
import type { Answer } from './tool.ts'

/** More of the original is not quoted. */
const MAX_QUOTE_CHARS = 50_000

export const replyInput = {
  messageId: z.string().min(1).describe('The message to answer: Gmail id or Message-ID'),
  ...content,
  cc: recipients.cc,
  bcc: recipients.bcc,
  quoteOriginal: flag().default(true),
  asDraft: flag().default(false).describe('Save as a draft instead of sending'),
  ...sending
}
const Input = z.object(replyInput)

export const ReplyOut = SentOut.extend({
  draftId: z.string().optional().describe('Only with asDraft'),
  messageId: z.string().optional().describe('Only with asDraft')
})

/** Saving a draft asks for less than sending. */
export const levelOfWriting = ({ asDraft }: Readonly<Record<string, unknown>>) =>
  asDraft === true || asDraft === 'true' ? 'gmail.draft' : 'gmail.modify'

export interface Recipients {
  readonly to: readonly string[]
  readonly cc: readonly string[]
}

/** Answers a message. `whom` says who gets the answer, besides those whom the caller adds. */
export async function reply(
  args: z.output<typeof Input>,
  whom: (parent: Envelope) => Recipients | Promise<Recipients>,
  call: ToolCall
): Promise<Answer<z.input<typeof ReplyOut>>> {
  const { context, signal } = call
  const id = await resolveMessageId(context.mailbox, args.messageId, signal)
  const parent = await context.mailbox.call('messages.get', { id, format: 'full' }, signal)
  const { to, cc } = await whom(readEnvelope(parent))
  const letter: Letter = {
    to,
    cc: [...cc, ...(args.cc ?? [])],
    bcc: args.bcc,
    subject: replySubject(parent),
    content: args,
    thread: threadHeadersFor(parent),
    quote: args.quoteOriginal ? await quoteOf(parent, call) : undefined
  }
  return sendOrSave(letter, args, call)
}

/** Sends a letter, or saves it as a draft. */
export async function sendOrSave(
  letter: Letter,
  args: { asDraft: boolean; dryRun: boolean; idempotencyKey?: string | undefined },
  call: ToolCall
): Promise<Answer<z.input<typeof ReplyOut>>> {
  if (!args.asDraft || args.dryRun) {
    const sent = await deliver(letter, args, call)
    return { structured: sent, text: sentText(sent) }
  }
  const { sizeBytes, ...draft } = await saveDraft(letter, call)
  const structured = {
    ...draft,
    id: draft.messageId,
    labelIds: ['DRAFT'],
    sent: false,
    duplicate: false,
    dryRun: false,
    sizeBytes
  }
  return { structured, text: draftText(draft) }
}

/** Whom an answer goes to: RFC 5322, section 3.6.3; one's own message is followed up, not answered. */
export function answerTo(
  { from, to, replyTo, labelIds }: Pick<Envelope, 'from' | 'to' | 'replyTo' | 'labelIds'>,
  address: string
): readonly string[] {
  const isOwn = labelIds.includes('SENT') || sameAddress(parseAddress(from)?.address ?? '', address)
  if (isOwn && to.length > 0) return to
  const target = replyTo ?? from
  if (target === '')
    throw new ToolError('invalid_argument', 'The message has no sender that could be answered.')
  return [target]
}

async function quoteOf(parent: Message, call: ToolCall): Promise<{ text: string; html: string }> {
  const envelope = readEnvelope(parent)
  const { text: whole } = await readBody(parent, { html: false, stripQuotes: false }, call)
  const text = whole.slice(0, MAX_QUOTE_CHARS)
  const line = attribution(envelope)
  const quoted = text
    .split('\n')
    .map((each) => (each.startsWith('>') ? `>${each}` : `> ${each}`))
    .join('\n')
  return {
    text: `${line}\n${quoted}`,
    html: `<div class="gmail_quote"><div dir="ltr" class="gmail_attr">${escapeHtml(line)}</div><blockquote class="gmail_quote" style="margin:0 0 0 .8ex;border-left:1px solid #ccc;padding-left:1ex">${escapeHtml(text).replaceAll('\n', '<br>\n')}</blockquote></div>`
  }
}
