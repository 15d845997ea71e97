import * as z from 'zod'
import { ToolError } from '#shared/tool-error.ts'
import type { OutgoingFile } from '../gmail/compose.ts'
import type { Message, MessagePart } from '../gmail/mailbox.ts'
import { resolveMessageId } from '../gmail/message-id.ts'
import { fetchRaw, withAddressesAsSent } from '../gmail/raw-message.ts'
import { readEnvelope } from '../gmail/read-message.ts'
import { forwardSubject } from '../gmail/reply-headers.ts'
import { shownParts } from '../gmail/shown-parts.ts'
import type { Quote } from '../messages/compose-message.ts'
import { levelOfWriting, ReplyOut, sendOrSave } from '../messages/compose-reply.ts'
import { allFiles } from '../messages/find-attachment.ts'
import { asSentOn, shownPictures } from '../messages/forwarded-html.ts'
import { withMarkdown } from '../messages/markdown-body.ts'
import { content, recipients, sending } from '../messages/message-input.ts'
import { joined } from '../messages/part-text.ts'
import { readBody } from '../messages/read-body.ts'
import { cleanText } from '../mime/clean-text.ts'
import type { ForwardedHtml } from '../mime/forward-html.ts'
import { flag } from '../tool-kit/coerce.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import { defineTool } from '../tool-kit/define-tool.ts'
import { escapeHtml } from '../tool-kit/escape-html.ts'
import { SENDS } from '../tool-kit/schemas.ts'

/** Files that are read into memory and sent on, in all. */
const MAX_FILES_BYTES = 15_000_000

export const forwardEmail = defineTool({
  name: 'forward_email',
  title: 'Forward a message',
  description:
    'Sends a message on to others, below your own words: its header block, its text and HTML with the pictures in it, and its attachments.',
  level: 'gmail.draft',
  levelOf: levelOfWriting,
  annotations: SENDS,
  input: z.object({
    messageId: z.string().min(1).describe('The message to forward: Gmail id or Message-ID'),
    ...recipients,
    ...content,
    body: content.body.default(''),
    mimeType: content.mimeType
      .unwrap()
      .optional()
      .describe('By default what the original has: text and HTML, or text'),
    includeAttachments: flag().default(true),
    asAttachment: flag().default(false).describe('Attach the whole message as .eml instead'),
    asDraft: flag().default(false).describe('Save as a draft instead of sending'),
    ...sending
  }),
  output: ReplyOut,
  async run(given, call) {
    const args = await withMarkdown(given, call)
    const { context, signal } = call
    const id = await resolveMessageId(context.mailbox, args.messageId, signal)
    const read = await context.mailbox.call('messages.get', { id, format: 'full' }, signal)
    const message = await withAddressesAsSent(read, context.mailbox, signal)
    const { to, cc, bcc } = args
    const letter = { to, cc, bcc, subject: forwardSubject(message), forwards: true }
    if (args.asAttachment) {
      const files = [await wholeMessage(message, call)]
      return sendOrSave(
        { ...letter, content: { ...args, mimeType: args.mimeType ?? PLAIN }, files },
        args,
        call
      )
    }
    const { quote, note } = await forwarded(message, args.mimeType !== PLAIN, call)
    const cids = shownPictures(`${quote.css ?? ''}${quote.html ?? ''}`)
    const files = await filesOf(message, { cids, withFiles: args.includeAttachments }, call)
    const usual = quote.html === undefined ? PLAIN : 'multipart/alternative'
    const content = { ...args, mimeType: args.mimeType ?? usual }
    const answer = await sendOrSave({ ...letter, content, files, quote }, args, call)
    return note ? { ...answer, text: `${answer.text}\n${note}` } : answer
  }
})

const PLAIN = 'text/plain' as const

/** The original below the words of the person who sends it on: as text and, where it has one, in its own form. */
async function forwarded(
  message: Message,
  withHtml: boolean,
  call: ToolCall
): Promise<{ quote: Quote; note?: string }> {
  const head = headOf(message)
  const read = await textOf(message, call)
  const quote = { text: `${head}\n\n${read ?? readEnvelope(message).snippet}` }
  if (read === undefined) return { quote, note: UNREADABLE }
  const shown = shownParts(message.payload)
  if (!withHtml || !shown.some(({ mimeType }) => mimeType === 'text/html')) return { quote }
  try {
    const made = await Promise.all(shown.map((part) => asHtml(message, part, call)))
    const body = made.map(({ html }) => html).join('<br>\n')
    const html = `<div class="gmail_quote"><div dir="ltr" class="gmail_attr">${htmlLines(head)}</div><br>\n${body}</div>`
    return {
      quote: {
        ...quote,
        html,
        css: made
          .map(({ css }) => css)
          .join('\n')
          .trim()
      }
    }
  } catch (error) {
    if (!(error instanceof ToolError) || error.code !== 'too_large') throw error
    return { quote, note: 'The HTML of the original is too large to be sent on; its text was.' }
  }
}

const UNREADABLE =
  'The HTML of the original is too complex to be read: only its first words were sent on. Use asAttachment to send all of it.'

async function textOf(message: Message, call: ToolCall): Promise<string | undefined> {
  try {
    return (await readBody(message, { html: false, wholeLinks: true }, call)).text
  } catch (error) {
    if (error instanceof ToolError && error.code === 'too_large') return undefined
    throw error
  }
}

/** What Gmail itself puts above a forwarded message. Nobody learns who was copied in secret. */
function headOf(message: Message): string {
  const { from, to, cc, subject, date } = readEnvelope(message)
  return [
    '---------- Forwarded message ---------',
    `From: ${from}`,
    `Date: ${date === undefined ? 'unknown' : `${date.slice(0, 16).replace('T', ' ')} UTC`}`,
    `Subject: ${subject}`,
    `To: ${to.join(', ')}`,
    ...(cc.length > 0 ? [`Cc: ${cc.join(', ')}`] : [])
  ].join('\n')
}

async function asHtml(message: Message, part: MessagePart, call: ToolCall): Promise<ForwardedHtml> {
  const source = await joined(message, [part], call)
  return part.mimeType === 'text/html'
    ? call.context.mime.forwardHtml(source, call.signal)
    : { html: `<div>${htmlLines(cleanText(source))}</div>`, css: '' }
}

const htmlLines = (text: string): string => escapeHtml(text).replaceAll('\n', '<br>\n')

async function filesOf(
  message: Message,
  { cids, withFiles }: { cids: ReadonlySet<string>; withFiles: boolean },
  call: ToolCall
): Promise<OutgoingFile[]> {
  const found = allFiles(message, call).filter(
    ({ attachment: { contentId } }) => withFiles || (contentId !== undefined && cids.has(contentId))
  )
  checkSize(found.reduce((sum, { attachment }) => sum + attachment.size, 0))
  const files: OutgoingFile[] = []
  for (const each of found) files.push(await asSentOn(each, cids))
  return files
}

async function wholeMessage(
  { id, sizeEstimate }: Message,
  { context, signal }: ToolCall
): Promise<OutgoingFile> {
  checkSize(sizeEstimate ?? 0)
  return {
    filename: 'forwarded-message.eml',
    mimeType: 'message/rfc822',
    content: await fetchRaw(context.mailbox, id ?? '', signal)
  }
}

function checkSize(bytes: number): void {
  if (bytes > MAX_FILES_BYTES)
    throw new ToolError(
      'too_large',
      'The attachments are too large to be forwarded by this server.'
    )
}
