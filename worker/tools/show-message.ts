import * as z from 'zod'
import type { Message } from '../gmail/methods.ts'
import { header, readEnvelope } from '../gmail/read-message.ts'
import { cleanLine, cleanText } from '../mime/clean-text.ts'
import { ToolError } from '../tool-error.ts'
import { type Body, readBody } from './body.ts'
import { type Cut, cut, RESULT_CHARS } from './budget.ts'
import { flag, int, stringList } from './coerce.ts'
import type { ToolCall } from './context.ts'
import { fence } from './fence.ts'
import { placeOf } from './place.ts'
import {
  AttachmentOut,
  attachmentsText,
  EnvelopeOut,
  envelopeOut,
  envelopeText
} from './schemas.ts'
import { theirs } from './theirs.ts'
import type { Answer } from './tool.ts'

/** A message as the tools that read one answer it. */
export const MessageOut = EnvelopeOut.extend({
  snippet: theirs(z.string()).optional(),
  body: theirs(z.string()).optional(),
  bodyFormat: z.enum(['text', 'html', 'raw', 'none']),
  bodySource: z.enum(['text', 'html', 'none']).optional().describe('What body was made from'),
  html: theirs(z.string(), 'Without scripts, styles, images and hidden parts').optional(),
  headers: theirs(z.record(z.string(), z.array(z.string()))).optional(),
  attachments: z.array(AttachmentOut).optional(),
  listUnsubscribe: theirs(z.string()).optional(),
  truncated: z.boolean(),
  nextOffset: z.number().optional().describe('bodyOffset for the next piece'),
  totalChars: z.number().describe('Length of the whole body')
})
type MessageOut = z.input<typeof MessageOut>

const FORMATS = ['full', 'summary', 'headers_only', 'html', 'raw'] as const
/** Room in a result for the envelope and the attachments. */
const ENVELOPE_CHARS = 3000
const MAX_HEADER_CHARS = 1000
const MAX_FILES = 100
const MAX_HEADERS_CHARS = 15_000
/** A larger message would fill this process's memory when it is read as it is. */
const MAX_RAW_BYTES = 8_000_000

/** How much of a message is wanted, and in which form. */
export const showInput = {
  format: z.enum(FORMATS).default('full'),
  includeAttachments: flag().default(true).describe('List the attachments'),
  includeHtml: flag().default(false).describe('Return harmless HTML as well'),
  maxBodyLength: int(100, 20_000).default(20_000).describe('Characters of the body'),
  bodyOffset: int(0, 100_000_000).default(0).describe('Where in the body to begin'),
  headers: stringList(1, 50).optional().describe('Names of headers to return as they are'),
  stripQuotes: flag().default(false).describe('Leave out quoted older messages and signatures')
}
const Show = z.object(showInput)
type Args = z.output<typeof Show>

/** Shows a message that was fetched in full. */
export async function showMessage(
  message: Message,
  args: Args,
  call: ToolCall
): Promise<Answer<MessageOut>> {
  const labels = await call.context.labels.names(message.labelIds ?? [], call.signal)
  const envelope = readEnvelope(message)
  const base = { ...envelopeOut(envelope, labels), ...extraHeaders(message, args) }
  const nothing = { bodyFormat: 'none' as const, truncated: false, totalChars: 0 }
  switch (args.format) {
    case 'headers_only':
      return answer({ ...base, ...nothing }, call)
    case 'summary':
      return answer({ ...base, snippet: envelope.snippet, ...nothing }, call)
    case 'raw': {
      const piece = cut(await rawText(message, call), args.bodyOffset, args.maxBodyLength)
      return answer({ ...base, body: piece.text, bodyFormat: 'raw', ...pieceOf(piece) }, call)
    }
    default: {
      const wishes = {
        html: args.format === 'html' || args.includeHtml,
        stripQuotes: args.stripQuotes
      }
      return answer({ ...base, ...bodyOut(await readBody(message, wishes, call), args) }, call)
    }
  }
}

function bodyOut(body: Body, args: Args) {
  const isHtml = args.format === 'html' && body.html !== undefined
  const piece = cut(isHtml ? (body.html ?? '') : body.text, args.bodyOffset, args.maxBodyLength)
  const left = RESULT_CHARS - ENVELOPE_CHARS - piece.text.length
  return {
    body: piece.text,
    bodyFormat: isHtml ? ('html' as const) : ('text' as const),
    bodySource: body.source,
    ...(args.includeHtml && body.html && { html: cut(body.html, 0, Math.max(1000, left)).text }),
    ...(args.includeAttachments && { attachments: body.parts.attachments.slice(0, MAX_FILES) }),
    ...pieceOf(piece)
  }
}

const pieceOf = ({ truncated, nextOffset, totalChars }: Cut) => ({
  truncated,
  ...(nextOffset !== undefined && { nextOffset }),
  totalChars
})

function extraHeaders(message: Message, { format, headers }: Args) {
  const wanted = new Set(headers?.map((name) => name.toLowerCase()))
  const all = new Map<string, string[]>()
  let room = MAX_HEADERS_CHARS
  for (const { name, value } of message.payload?.headers ?? []) {
    const key = cleanLine(name ?? '').slice(0, MAX_HEADER_CHARS)
    if (wanted.size > 0 ? !wanted.has(key.toLowerCase()) : format !== 'headers_only') continue
    const shown = cleanLine(value ?? '').slice(0, MAX_HEADER_CHARS)
    room -= key.length + shown.length
    if (room < 0) break
    all.set(key, [...(all.get(key) ?? []), shown])
  }
  const listUnsubscribe = header(message, 'list-unsubscribe')
  return {
    ...(all.size > 0 && { headers: Object.fromEntries(all) }),
    ...(listUnsubscribe && { listUnsubscribe })
  }
}

async function rawText(
  { id, sizeEstimate }: Message,
  { context, signal }: ToolCall
): Promise<string> {
  if ((sizeEstimate ?? 0) > MAX_RAW_BYTES)
    throw new ToolError('too_large', 'The message is too large to be read as it is.')
  const params = { id: id ?? '', format: 'raw' } as const
  const { raw } = await context.mailbox.call('messages.get', params, signal)
  return cleanText(Buffer.from(raw ?? '', 'base64url').toString('utf8'))
}

function answer(structured: MessageOut, { context }: ToolCall): Answer<MessageOut> {
  const { id, threadId, labels, body, headers } = structured
  const mail = [
    envelopeText(structured),
    headers
      ? Object.entries(headers)
          .flatMap(([name, values]) => values.map((value) => `${name}: ${value}`))
          .join('\n')
      : '',
    structured.snippet ?? '',
    body ? `\n${body}` : '',
    structured.attachments?.length ? `\n${attachmentsText(structured.attachments)}` : ''
  ]
  const lines = [
    `Message ${id} in thread ${threadId}. Labels: ${labels.map(cleanLine).join(', ') || 'none'}.`,
    placeOf(labels) && `This message is: ${placeOf(labels)}.`,
    structured.lookAlikes
      ? "Warning: the sender's domain is made to look like another one; see Look-alike."
      : '',
    fence(context.nonce(), mail.filter((each) => each !== '').join('\n')),
    structured.bodySource === 'none' ? 'The message has no text.' : '',
    structured.truncated
      ? `Cut here: ${structured.totalChars} characters in all; read on with bodyOffset ${structured.nextOffset}.`
      : ''
  ]
  return { structured, text: lines.filter((line) => line !== '').join('\n') }
}
