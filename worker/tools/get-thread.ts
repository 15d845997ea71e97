import * as z from 'zod'
import type { Message } from '../gmail/methods.ts'
import { readEnvelope } from '../gmail/read-message.ts'
import { asThreadId } from '../gmail/thread-id.ts'
import { whoseTurn } from '../gmail/whose-turn.ts'
import { readBody } from './body.ts'
import { cut, RESULT_CHARS } from './budget.ts'
import { flag, int } from './coerce.ts'
import type { ToolCall } from './context.ts'
import { fence } from './fence.ts'
import { placeOf } from './place.ts'
import {
  AttachmentOut,
  attachmentsText,
  EnvelopeOut,
  envelopeOut,
  envelopeText,
  READS
} from './schemas.ts'
import { theirs } from './theirs.ts'
import { defineTool } from './tool.ts'

const ThreadMessage = EnvelopeOut.extend({
  snippet: theirs(z.string()).optional(),
  body: theirs(z.string()).optional(),
  attachments: z.array(AttachmentOut).optional(),
  truncated: z.boolean().describe('The body goes on: see read_email'),
  totalChars: z.number()
})
type ThreadMessage = z.input<typeof ThreadMessage>

/** Characters that a message needs besides its body. */
const ENVELOPE_CHARS = 400

export const getThread = defineTool({
  name: 'get_thread',
  title: 'Read a conversation',
  description:
    'Reads the messages of one thread in order of time, newest last, without quoted older text. When there are more than maxMessages the newest are returned; pass nextOffset as offset for the ones before.',
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
    truncated: z.boolean().describe('The thread has messages beyond these'),
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
    const messages = await Promise.all(
      taken.map((message) => show(message, { ...args, maxBodyLength: length }, call))
    )
    const structured = {
      threadId: thread.id ?? args.threadId,
      subject: all[0] ? readEnvelope(all[0]).subject : '',
      messageCount: all.length,
      messages,
      truncated: nextOffset !== undefined,
      ...(nextOffset !== undefined && { nextOffset }),
      needsReplyFrom: whoseTurn(thread, context.mailbox.address)
    }
    return { structured, text: asText(structured, context.nonce()) }
  }
})

type Args = { format: string; maxBodyLength: number; stripQuotes: boolean }

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

async function show(message: Message, args: Args, call: ToolCall): Promise<ThreadMessage> {
  const { context, signal } = call
  const envelope = readEnvelope(message)
  const names = await context.labels.names(envelope.labelIds, signal)
  const base = envelopeOut(envelope, names)
  if (args.format !== 'full')
    return { ...base, snippet: envelope.snippet, truncated: false, totalChars: 0 }
  const body = await readBody(message, { html: false, stripQuotes: args.stripQuotes }, call)
  const { text, truncated, totalChars } = cut(body.text, 0, args.maxBodyLength)
  return { ...base, body: text, attachments: [...body.parts.attachments], truncated, totalChars }
}

/** In brackets: a draft says nothing to anybody yet, and what is in the bin was taken back. */
function marks({ unread, labels }: ThreadMessage): string {
  const all = [placeOf(labels), unread ? 'unread' : ''].filter((each) => each !== '')
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
      message.truncated ? `[cut: ${message.totalChars} characters in all, see read_email]` : '',
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
