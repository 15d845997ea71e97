import * as z from 'zod'
import { awaitingReply } from '../gmail/awaiting-reply.ts'
import type { Message } from '../gmail/mailbox.ts'
import { type Envelope, readEnvelope } from '../gmail/read-message.ts'
import { asThreadId } from '../gmail/thread-id.ts'
import { messageLocation } from '../messages/message-location.ts'
import { type Body, leftOutText, readBody } from '../messages/read-body.ts'
import { withoutThreadQuotes } from '../messages/thread-quotes.ts'
import { flag, int } from '../tool-kit/coerce.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import { defineTool } from '../tool-kit/define-tool.ts'
import {
  AttachmentOut,
  attachmentsText,
  EnvelopeOut,
  envelopeOut,
  envelopeText,
  LeftOutOut,
  READS
} from '../tool-kit/schemas.ts'
import { RESULT_CHARS, truncate } from '../tool-kit/truncate.ts'
import { fence } from '../tool-kit/untrusted-fence.ts'
import { theirs } from '../tool-kit/untrusted-fields.ts'

const ThreadMessage = EnvelopeOut.extend({
  snippet: theirs(z.string()).optional(),
  body: theirs(z.string()).optional(),
  attachments: z.array(AttachmentOut).optional(),
  attachmentCount: z.number().optional().describe('When there are too many to list them all'),
  leftOut: LeftOutOut.optional(),
  truncated: z.boolean().describe('Something was cut: see read_email'),
  totalChars: z.number()
})
type ThreadMessage = z.input<typeof ThreadMessage>

/** Characters that a message needs besides its body. */
const ENVELOPE_CHARS = 400
const MAX_FILES = 100

export const getThread = defineTool({
  name: 'get_thread',
  title: 'Read a conversation',
  description:
    'Reads the messages of one thread in order of time, newest last, without quotes of what earlier ones of them say. When there are more than maxMessages the newest are returned; pass nextOffset as offset for the ones before.',
  level: 'gmail.read',
  annotations: READS,
  input: z.object({
    threadId: z.string().min(1).describe('threadId of any of its messages'),
    format: z
      .enum(['full', 'metadata', 'minimal'])
      .default('full')
      .describe('metadata: without bodies; minimal: snippets only'),
    maxMessages: int(1, 50).default(20),
    order: z
      .enum(['newest', 'oldest'])
      .default('newest')
      .describe('Which messages to take when there are more than maxMessages'),
    maxBodyLength: int(100, 20_000).default(4000).describe('Characters of each body'),
    stripQuotes: flag().default(true),
    offset: int(0, 10_000).default(0).describe('Messages to leave out, counted from order')
  }),
  output: z.object({
    threadId: z.string(),
    subject: theirs(z.string()),
    messageCount: z.number(),
    messages: z.array(ThreadMessage).describe('Newest last'),
    truncated: z.boolean().describe('There are messages beyond these, or a body was cut'),
    nextOffset: z.number().optional(),
    needsReplyFrom: z.enum(['me', 'them', 'nobody'])
  }),
  async run(args, call) {
    const { context, signal } = call
    const thread = await context.mailbox.call(
      'threads.get',
      { id: asThreadId(args.threadId), format: args.format === 'full' ? 'full' : 'metadata' },
      signal
    )
    const all = thread.messages ?? []
    const { taken, nextOffset } = take(all, args)
    const share = Math.floor(RESULT_CHARS / Math.max(1, taken.length)) - ENVELOPE_CHARS
    const length = Math.max(100, Math.min(args.maxBodyLength, share))
    const read = await Promise.all(taken.map((message) => readOne(message, args.format, call)))
    const own = args.stripQuotes ? withoutThreadQuotes(read, all) : read
    const messages = own.map((each) => shown(each, length))
    const structured = {
      threadId: thread.id ?? args.threadId,
      subject: all[0] ? readEnvelope(all[0]).subject : '',
      messageCount: all.length,
      messages,
      truncated: nextOffset !== undefined || messages.some(({ truncated }) => truncated),
      ...(nextOffset !== undefined && { nextOffset }),
      needsReplyFrom: awaitingReply(thread, context.mailbox.address)
    }
    return { structured, text: asText(structured, context.nonce()) }
  }
})

function take(
  all: readonly Message[],
  { offset, maxMessages, order }: { offset: number; maxMessages: number; order: string }
): { taken: readonly Message[]; nextOffset?: number } {
  const end = offset + maxMessages
  const taken =
    order === 'oldest'
      ? all.slice(offset, end)
      : all.slice(Math.max(0, all.length - end), Math.max(0, all.length - offset))
  return { taken, ...(end < all.length && { nextOffset: end }) }
}

interface Read {
  readonly message: Message
  readonly envelope: Envelope
  readonly names: string[]
  readonly body?: Body
}

async function readOne(message: Message, format: string, call: ToolCall): Promise<Read> {
  const { context, signal } = call
  const envelope = readEnvelope(message)
  const names = await context.labels.names(envelope.labelIds, signal)
  if (format !== 'full') return { message, envelope, names }
  return { message, envelope, names, body: await readBody(message, { html: false }, call) }
}

function shown({ envelope, names, body }: Read, length: number): ThreadMessage {
  const base = envelopeOut(envelope, names)
  if (!body) return { ...base, snippet: envelope.snippet, truncated: false, totalChars: 0 }
  const { text, truncated, totalChars } = truncate(body.text, 0, length)
  const { attachments, leftOut } = body
  return {
    ...base,
    body: text,
    attachments: attachments.slice(0, MAX_FILES),
    ...(attachments.length > MAX_FILES && { attachmentCount: attachments.length }),
    ...(Object.keys(leftOut).length > 0 && { leftOut }),
    truncated:
      truncated ||
      leftOut.isUnread === true ||
      base.recipientCount !== undefined ||
      attachments.length > MAX_FILES,
    totalChars
  }
}

/** In brackets: a draft says nothing to anybody yet, and what is in the bin was taken back. */
function marks({ unread, labels }: ThreadMessage): string {
  const all = [messageLocation(labels), unread ? 'unread' : ''].filter((each) => each !== '')
  return all.length > 0 ? ` (${all.join(', ')})` : ''
}

function asText(
  thread: {
    threadId: string
    subject: string
    messageCount: number
    messages: readonly ThreadMessage[]
    nextOffset?: number
    needsReplyFrom: string
  },
  nonce: string
): string {
  const shown = thread.messages.map((message, index) =>
    [
      `--- ${index + 1}. message ${message.id}${marks(message)}`,
      envelopeText(message),
      message.body ?? message.snippet ?? '',
      message.totalChars > (message.body?.length ?? message.totalChars)
        ? `[cut: ${message.totalChars} characters in all, see read_email]`
        : '',
      leftOutText(message.leftOut ?? {})
        .map((line) => `[${line}]`)
        .join('\n'),
      attachmentsText(message.attachments ?? [])
    ]
      .filter((line) => line !== '')
      .join('\n')
  )
  const head = `Thread ${thread.threadId}: ${thread.messages.length} of ${thread.messageCount} messages, newest last. A reply is up to ${thread.needsReplyFrom}.`
  const tail =
    thread.nextOffset === undefined ? '' : `\nMore messages: offset ${thread.nextOffset}.`
  return `${head}\n${fence(nonce, shown.join('\n\n'))}${tail}`
}
