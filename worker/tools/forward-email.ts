import * as z from 'zod'
import type { OutgoingFile } from '../gmail/compose.ts'
import { resolveMessageId } from '../gmail/message-id.ts'
import type { Message } from '../gmail/methods.ts'
import { forwardSubject } from '../gmail/parent.ts'
import { readEnvelope, readParts } from '../gmail/read-message.ts'
import { ToolError } from '../tool-error.ts'
import { allFiles } from './attachment-source.ts'
import { readBody } from './body.ts'
import { flag } from './coerce.ts'
import type { ToolCall } from './context.ts'
import { escapeHtml } from './escape-html.ts'
import { content, recipients, sending } from './letter-input.ts'
import { levelOfWriting, ReplyOut, sendOrSave } from './reply.ts'
import { envelopeOut, envelopeText, SENDS } from './schemas.ts'
import { defineTool } from './tool.ts'

/** Files that are read into memory and sent on, in all. */
const MAX_FILES_BYTES = 15_000_000

export const forwardEmail = defineTool({
  name: 'forward_email',
  title: 'Forward a message',
  description:
    'Sends a message on to others, with its header block, its text and its attachments, below your own words.',
  level: 'gmail.draft',
  levelOf: levelOfWriting,
  annotations: SENDS,
  input: z.object({
    messageId: z.string().min(1).describe('The message to forward: Gmail id or Message-ID'),
    ...recipients,
    ...content,
    body: content.body.default(''),
    includeAttachments: flag().default(true),
    asAttachment: flag().default(false).describe('Attach the whole message as .eml instead'),
    asDraft: flag().default(false).describe('Save as a draft instead of sending'),
    ...sending
  }),
  output: ReplyOut,
  async run(args, call) {
    const { context, signal } = call
    const id = await resolveMessageId(context.mailbox, args.messageId, signal)
    const message = await context.mailbox.call('messages.get', { id, format: 'full' }, signal)
    const { to, cc, bcc } = args
    const subject = forwardSubject(message)
    const letter = { to, cc, bcc, subject, content: args }
    if (args.asAttachment) {
      const files = [await wholeMessage(message, call)]
      return sendOrSave({ ...letter, files }, args, call)
    }
    const files = args.includeAttachments ? await filesOf(message, call) : []
    return sendOrSave({ ...letter, files, quote: await forwarded(message, call) }, args, call)
  }
})

async function forwarded(message: Message, call: ToolCall) {
  const head = `---------- Forwarded message ---------\n${envelopeText(envelopeOut(readEnvelope(message), []))}`
  const hasHtml = readParts(message).html.length > 0
  const { text, html } = await readBody(message, { html: hasHtml, stripQuotes: false }, call)
  const shown = html ?? escapeHtml(text).replaceAll('\n', '<br>\n')
  return {
    text: `${head}\n\n${text}`,
    html: `<div class="gmail_quote"><div dir="ltr" class="gmail_attr">${escapeHtml(head).replaceAll('\n', '<br>\n')}</div><br>\n${shown}</div>`
  }
}

async function filesOf(message: Message, call: ToolCall): Promise<OutgoingFile[]> {
  const found = allFiles(message, call)
  checkSize(found.reduce((sum, { attachment }) => sum + attachment.size, 0))
  const files: OutgoingFile[] = []
  for (const { attachment, read } of found) {
    const { filename, mimeType } = attachment
    files.push({ filename, mimeType, content: await read() })
  }
  return files
}

async function wholeMessage(
  { id, sizeEstimate }: Message,
  { context, signal }: ToolCall
): Promise<OutgoingFile> {
  checkSize(sizeEstimate ?? 0)
  const params = { id: id ?? '', format: 'raw' } as const
  const { raw } = await context.mailbox.call('messages.get', params, signal)
  return {
    filename: 'forwarded-message.eml',
    mimeType: 'message/rfc822',
    content: Buffer.from(raw ?? '', 'base64url')
  }
}

function checkSize(bytes: number): void {
  if (bytes > MAX_FILES_BYTES)
    throw new ToolError(
      'too_large',
      'The attachments are too large to be forwarded by this server.'
    )
}
