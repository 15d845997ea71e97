import * as z from 'zod'
import { ToolError } from '#shared/tool-error.ts'
import { type Address, isOwnAddress } from '../gmail/addresses.ts'
import type { Message } from '../gmail/mailbox.ts'
import { resolveMessageId } from '../gmail/message-id.ts'
import { withAddressesAsSent } from '../gmail/raw-message.ts'
import { addressEntries, readEnvelope } from '../gmail/read-message.ts'
import { attribution, refuseDraft, replySubject, threadHeadersFor } from '../gmail/reply-headers.ts'
import { flag } from '../tool-kit/coerce.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import type { Answer } from '../tool-kit/define-tool.ts'
import { escapeHtml } from '../tool-kit/escape-html.ts'
import { fence } from '../tool-kit/untrusted-fence.ts'
import type { MessageDraft } from './compose-message.ts'
import { withMarkdown } from './markdown-body.ts'
import { content, recipients, sending } from './message-input.ts'
import { readBody } from './read-body.ts'
import { saveDraft } from './save-draft.ts'
import { SentOut, sendMessage } from './send-message.ts'

/** More of the original is not quoted. */
const MAX_QUOTE_CHARS = 50_000
const MAX_ODD_CHARS = 200

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
  readonly to: readonly Address[]
  readonly cc: readonly Address[]
  /** What stands among them and is no address. */
  readonly odd: readonly string[]
}

/** Answers a message. `whom` says who gets the answer, besides those whom the caller adds. */
export async function reply(
  args: z.output<typeof Input>,
  whom: (parent: Message) => Recipients | Promise<Recipients>,
  call: ToolCall
): Promise<Answer<z.input<typeof ReplyOut>>> {
  const { context, signal } = call
  const id = await resolveMessageId(context.mailbox, args.messageId, signal)
  const read = await context.mailbox.call('messages.get', { id, format: 'full' }, signal)
  refuseDraft(read)
  const parent = await withAddressesAsSent(read, context.mailbox, signal)
  const { to, cc, odd } = await whom(parent)
  const added = [...(args.cc ?? []), ...(args.bcc ?? [])]
  if (to.length + cc.length + added.length === 0) throw nobodyToAnswer(odd, context.nonce())
  const letter: MessageDraft = {
    to,
    cc: [...cc, ...(args.cc ?? [])],
    bcc: args.bcc,
    subject: replySubject(parent),
    content: await withMarkdown(args, call),
    thread: threadHeadersFor(parent),
    quote: args.quoteOriginal ? await quoteOf(parent, call) : undefined,
    oddRecipients: odd
  }
  return sendOrSave(letter, args, call)
}

function nobodyToAnswer(odd: readonly string[], nonce: string): ToolError {
  const words =
    odd.length > 0
      ? ` What stands there is no e-mail address:\n${fence(nonce, odd.join('\n'))}`
      : ''
  return new ToolError(
    'invalid_argument',
    `The message has no sender that could be answered.${words}`
  )
}

/** Sends a letter, or saves it as a draft. */
export async function sendOrSave(
  letter: MessageDraft,
  args: { asDraft: boolean; dryRun: boolean; idempotencyKey?: string | undefined },
  call: ToolCall
): Promise<Answer<z.input<typeof ReplyOut>>> {
  if (!args.asDraft || args.dryRun) return sendMessage(letter, args, call)
  const { structured: saved, text } = await saveDraft(letter, args, call)
  const structured = {
    ...saved,
    id: saved.messageId,
    labelIds: ['DRAFT'],
    sent: false,
    dryRun: false
  }
  return { structured, text }
}

/** Whom an answer goes to: RFC 5322, section 3.6.3; one's own message is followed up, not answered. */
export function answerTo(message: Message, own: string): Omit<Recipients, 'cc'> {
  const senders = peopleIn(message, 'from')
  const isOwn =
    message.labelIds?.includes('SENT') ||
    senders.to.some(({ address }) => isOwnAddress(own, address))
  const fields = [...(isOwn ? ['to'] : []), 'reply-to', 'from']
  const read = fields.map((field) => peopleIn(message, field))
  const at = read.findIndex(({ to }) => to.length > 0)
  const looked = at === -1 ? read : read.slice(0, at + 1)
  return { to: read[at]?.to ?? [], odd: looked.flatMap(({ odd }) => odd) }
}

/** Those whom the fields of this name name, and what else stands there. */
export function peopleIn(message: Message, field: string): Omit<Recipients, 'cc'> {
  const entries = addressEntries(message, field)
  return {
    to: entries.flatMap(({ mailbox }) => mailbox ?? []),
    odd: entries.flatMap(({ text, mailbox, isEmptyGroup }) =>
      mailbox || isEmptyGroup ? [] : text.slice(0, MAX_ODD_CHARS)
    )
  }
}

/** What is quoted. The sender does not decide, by HTML that nobody can read, whether there is an answer. */
async function textOf(parent: Message, call: ToolCall): Promise<string> {
  try {
    const { text } = await readBody(parent, { html: false, wholeLinks: true }, call)
    return text
  } catch (error) {
    if (error instanceof ToolError && error.code === 'too_large')
      return readEnvelope(parent).snippet
    throw error
  }
}

async function quoteOf(parent: Message, call: ToolCall): Promise<{ text: string; html: string }> {
  const envelope = readEnvelope(parent)
  const whole = await textOf(parent, call)
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
