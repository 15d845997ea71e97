import * as z from 'zod'
import { ToolError } from '#shared/tool-error.ts'
import { type Attachment, describeAttachment } from '../gmail/attachment.ts'
import { bodyPlan } from '../gmail/body-plan.ts'
import type { Message } from '../gmail/mailbox.ts'
import { header, readEnvelope } from '../gmail/read-message.ts'
import { cleanLine, cleanText } from '../mime/clean-text.ts'
import { flag, int, stringList } from '../tool-kit/coerce.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import type { Answer } from '../tool-kit/define-tool.ts'
import {
  AttachmentOut,
  attachmentsText,
  EnvelopeOut,
  envelopeOut,
  envelopeText,
  LeftOutOut
} from '../tool-kit/schemas.ts'
import { RESULT_CHARS, type Truncated, truncate } from '../tool-kit/truncate.ts'
import { fence } from '../tool-kit/untrusted-fence.ts'
import { theirs } from '../tool-kit/untrusted-fields.ts'
import { messageLocation } from './message-location.ts'
import { type Body, leftOutText, readBody } from './read-body.ts'
import { withoutThreadQuotes } from './thread-quotes.ts'

/** A message as the tools that read one answer it. */
export const MessageOut = EnvelopeOut.extend({
  snippet: theirs(z.string()).optional(),
  body: theirs(z.string()).optional(),
  bodyFormat: z.enum(['text', 'html', 'raw', 'none']),
  bodySource: z.enum(['text', 'html', 'none']).optional().describe('What body was made from'),
  bodyParts: z
    .array(z.object({ partId: z.string(), mimeType: theirs(z.string()) }))
    .optional()
    .describe('The parts that body was made from'),
  hasHtml: z.boolean().optional().describe('Whether there is HTML: see format html'),
  leftOut: LeftOutOut.optional(),
  html: theirs(z.string(), 'Without scripts, styles, images and hidden parts').optional(),
  htmlChars: z.number().optional().describe('Length of the whole HTML, when html is cut'),
  headers: theirs(z.record(z.string(), z.array(z.string()))).optional(),
  attachments: z.array(AttachmentOut).optional(),
  attachmentCount: z.number().optional().describe('When there are too many to list them all'),
  headersCut: z.boolean().optional().describe('More headers than are returned'),
  listUnsubscribe: theirs(z.string()).optional(),
  truncated: z.boolean().describe('Something of the message was cut'),
  nextOffset: z
    .number()
    .optional()
    .describe('bodyOffset for the next piece, where the body was cut'),
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
  stripQuotes: flag().default(false).describe('Leave out what earlier messages of the thread say')
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
      return answer(
        {
          ...base,
          snippet: envelope.snippet,
          ...filesOut(bodyPlan(message.payload).files.map(describeAttachment), args),
          ...nothing
        },
        call
      )
    case 'raw': {
      const piece = truncate(await rawText(message, call), args.bodyOffset, args.maxBodyLength)
      return answer({ ...base, body: piece.text, bodyFormat: 'raw', ...pieceOf(piece) }, call)
    }
    default: {
      const html = args.format === 'html' || args.includeHtml
      const whole = await readBody(message, { html }, call)
      const body = args.stripQuotes ? await withoutQuotes(message, whole, call) : whole
      return answer({ ...base, ...bodyOut(body, args) }, call)
    }
  }
}

/** Without what the message repeats of the ones before it in its thread. */
async function withoutQuotes(message: Message, body: Body, call: ToolCall): Promise<Body> {
  const { id, threadId } = message
  const { messages = [] } = threadId
    ? await call.context.mailbox.call('threads.get', { id: threadId, format: 'full' }, call.signal)
    : {}
  const all = messages.some((each) => each.id === id) ? messages : [message]
  const [told] = withoutThreadQuotes([{ message, envelope: readEnvelope(message), body }], all)
  return told?.body ?? body
}

function bodyOut(body: Body, args: Args) {
  const isHtml = args.format === 'html' && body.html !== undefined
  const piece = truncate(
    isHtml ? (body.html ?? '') : body.text,
    args.bodyOffset,
    args.maxBodyLength
  )
  const left = RESULT_CHARS - ENVELOPE_CHARS - piece.text.length
  return {
    body: piece.text,
    bodyFormat: isHtml ? ('html' as const) : ('text' as const),
    bodySource: body.source,
    bodyParts: body.sections
      .slice(0, MAX_FILES)
      .map(({ partId, mimeType }) => ({ partId, mimeType: mimeType.slice(0, 100) })),
    hasHtml: body.hasHtml,
    ...(Object.keys(body.leftOut).length > 0 && { leftOut: body.leftOut }),
    ...(args.includeHtml && body.html && htmlOut(body.html, Math.max(1000, left))),
    ...filesOut(body.attachments, args),
    ...pieceOf(piece)
  }
}

function htmlOut(html: string, room: number) {
  const { text, truncated, totalChars } = truncate(html, 0, room)
  return { html: text, ...(truncated && { htmlChars: totalChars }) }
}

function filesOut(attachments: readonly Attachment[], { includeAttachments }: Args) {
  if (!includeAttachments) return {}
  const { length } = attachments
  return {
    attachments: attachments.slice(0, MAX_FILES),
    ...(length > MAX_FILES && { attachmentCount: length })
  }
}

const pieceOf = ({ truncated, nextOffset, totalChars }: Truncated) => ({
  truncated,
  ...(nextOffset !== undefined && { nextOffset }),
  totalChars
})

function extraHeaders(message: Message, { format, headers }: Args) {
  const wanted = new Set(headers?.map((name) => name.toLowerCase()))
  const asked = (message.payload?.headers ?? [])
    .map(({ name, value }) => [shortened(name ?? ''), shortened(value ?? '')] as const)
    .filter(([name]) =>
      wanted.size > 0 ? wanted.has(name.toLowerCase()) : format === 'headers_only'
    )
  const all = new Map<string, string[]>()
  let room = MAX_HEADERS_CHARS
  for (const [name, value] of asked) {
    room -= name.length + value.length
    if (room < 0) break
    all.set(name, [...(all.get(name) ?? []), value])
  }
  const listUnsubscribe = header(message, 'list-unsubscribe')
  return {
    ...(all.size > 0 && { headers: Object.fromEntries(all) }),
    ...(room < 0 && { headersCut: true }),
    ...(listUnsubscribe && { listUnsubscribe })
  }
}

function shortened(written: string): string {
  const text = cleanLine(written)
  return text.length > MAX_HEADER_CHARS ? `${text.slice(0, MAX_HEADER_CHARS)}\u2026` : text
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

/** Whether anything is missing of what was asked for, be it of the body or of a list. */
const isCut = (shown: MessageOut): boolean =>
  shown.truncated ||
  shown.leftOut?.isUnread === true ||
  shown.headersCut === true ||
  [shown.htmlChars, shown.attachmentCount, shown.recipientCount].some((each) => each !== undefined)

function answer(shown: MessageOut, { context }: ToolCall): Answer<MessageOut> {
  const structured = { ...shown, truncated: isCut(shown) }
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
    messageLocation(labels) && `This message is: ${messageLocation(labels)}.`,
    structured.lookAlikes
      ? "Warning: the sender's domain is made to look like another one; see Look-alike."
      : '',
    fence(context.nonce(), mail.filter((each) => each !== '').join('\n')),
    structured.bodySource === 'none' ? 'The message has no text.' : '',
    structured.bodySource === 'text' && structured.hasHtml
      ? 'This is the plain text form; the message has HTML as well (format html).'
      : '',
    ...leftOutText(structured.leftOut ?? {}),
    structured.htmlChars
      ? `The HTML is cut: ${structured.htmlChars} characters in all; read it with format html and bodyOffset.`
      : '',
    structured.attachmentCount
      ? `${structured.attachmentCount} attachments in all; the first ${MAX_FILES} are listed.`
      : '',
    structured.headersCut ? 'There are more headers; name the ones you need.' : '',
    structured.nextOffset !== undefined
      ? `Cut here: ${structured.totalChars} characters in all; read on with bodyOffset ${structured.nextOffset}.`
      : ''
  ]
  return { structured, text: lines.filter((line) => line !== '').join('\n') }
}
