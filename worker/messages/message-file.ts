/** A message as a file: as it was sent, or in a form that other programs read. */
import { type Attachment, safeFilename } from '../gmail/attachment.ts'
import type { Message } from '../gmail/mailbox.ts'
import { fetchRaw, withSenderAsSent } from '../gmail/raw-message.ts'
import { readEnvelope } from '../gmail/read-message.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import { escapeHtml } from '../tool-kit/escape-html.ts'
import { attachmentsText, envelopeOut, envelopeText } from '../tool-kit/schemas.ts'
import { readBody } from './read-body.ts'

/** The forms, which also name the file where a part would be named: no part has such a number (RFC 3501, 6.4.5). */
export const EMAIL_FORMATS = ['eml', 'text', 'html', 'json'] as const
export type EmailFormat = (typeof EMAIL_FORMATS)[number]

const FORMS: Readonly<Record<EmailFormat, { mimeType: string; extension: string }>> = {
  eml: { mimeType: 'message/rfc822', extension: '.eml' },
  text: { mimeType: 'text/plain', extension: '.txt' },
  html: { mimeType: 'text/html', extension: '.html' },
  json: { mimeType: 'application/json', extension: '.json' }
}

export interface WholeMessage {
  readonly file: Attachment
  read(): Promise<Buffer>
  /** The message in words, whichever form was asked for but JSON. */
  words(): Promise<string>
}

/** Whether the name of a part is that of a whole message in one of its forms. */
export const isEmailFormat = (name: string): name is EmailFormat =>
  EMAIL_FORMATS.some((format) => format === name)

/** A message of the mailbox, by its Gmail id. Only of `eml` the size is Gmail's estimate. */
export async function messageFile(
  id: string,
  format: EmailFormat,
  call: ToolCall
): Promise<WholeMessage> {
  const { context, signal } = call
  const got = await context.mailbox.call('messages.get', { id, format: 'full' }, signal)
  const message = await withSenderAsSent(got, context.mailbox, signal)
  const { mimeType, extension } = FORMS[format]
  const { subject } = readEnvelope(message)
  const described = {
    partId: format,
    filename: safeFilename(`${[...subject].slice(0, 100).join('')}${extension}`, 'message', ''),
    mimeType,
    inline: false
  }
  const words = () => inForm(message, format === 'json' ? 'json' : 'text', call)
  if (format === 'eml')
    return {
      file: { ...described, size: message.sizeEstimate ?? 0 },
      read: () => fetchRaw(context.mailbox, id, signal),
      words
    }
  const content = Buffer.from(await inForm(message, format, call))
  return { file: { ...described, size: content.length }, read: async () => content, words }
}

async function inForm(
  message: Message,
  format: Exclude<EmailFormat, 'eml'>,
  call: ToolCall
): Promise<string> {
  const labels = await call.context.labels.names(message.labelIds ?? [], call.signal)
  const envelope = envelopeOut(readEnvelope(message), labels)
  const body = await readBody(message, { html: format !== 'text', wholeLinks: true }, call)
  const { text, html, attachments, leftOut } = body
  switch (format) {
    case 'text':
      return [envelopeText(envelope), '', text, '', attachmentsText(attachments)].join('\n').trim()
    case 'html':
      return page(
        envelopeText(envelope),
        html ?? `<pre>${escapeHtml(text)}</pre>`,
        envelope.subject
      )
    case 'json':
      return JSON.stringify(
        { ...envelope, body: text, ...(html !== undefined && { html }), attachments, leftOut },
        undefined,
        1
      )
  }
}

/** What is shown of a message, without scripts, pictures from elsewhere and hidden parts. */
const page = (head: string, body: string, title: string): string =>
  [
    '<!doctype html>',
    '<html><head><meta charset="utf-8">',
    '<meta http-equiv="content-security-policy" content="default-src \'none\'; style-src \'unsafe-inline\'">',
    `<title>${escapeHtml(title)}</title></head><body>`,
    `<pre>${escapeHtml(head)}</pre><hr>`,
    body,
    '</body></html>',
    ''
  ].join('\n')
