import { createHash } from 'node:crypto'
import * as z from 'zod'
import { safeFilename } from '../gmail/attachment.ts'
import {
  compose,
  type Outgoing,
  type OutgoingFile,
  singleLine,
  toAddresses
} from '../gmail/compose.ts'
import { identityFor } from '../gmail/identity.ts'
import { resolveMessageId } from '../gmail/message-id.ts'
import type { ThreadHeaders } from '../gmail/parent.ts'
import { ToolError } from '../tool-error.ts'
import { findAttachment } from './attachment-source.ts'
import { flag, objectList, stringList } from './coerce.ts'
import type { ToolCall } from './context.ts'

/** Arguments that every tool which writes a message has. */

const File = z.strictObject({
  filename: z.string().min(1).max(255).optional().describe('Name for the recipients'),
  mimeType: z.string().max(255).optional(),
  contentBase64: z.string().optional().describe('The content; or give fromMessageId and partId'),
  fromMessageId: z.string().optional().describe('Take an attachment of this message'),
  partId: z.string().optional()
})
const InlineImage = z.strictObject({
  contentId: z.string().min(1).max(255).describe('The HTML shows it as src="cid:…"'),
  filename: z.string().max(255).optional(),
  mimeType: z.string().max(255),
  contentBase64: z.string().min(1)
})

export const recipients = {
  to: stringList(1, 500).describe('Addresses: "name@example.org" or "Name <name@example.org>"'),
  cc: stringList(0, 500).optional(),
  bcc: stringList(0, 500).optional()
}
export const content = {
  body: z.string().max(2_000_000).describe('The text; HTML when mimeType is text/html'),
  htmlBody: z.string().max(2_000_000).optional().describe('An HTML version of the text'),
  mimeType: z.enum(['text/plain', 'text/html', 'multipart/alternative']).default('text/plain'),
  from: z
    .string()
    .max(320)
    .optional()
    .describe('One of the addresses that the account may send as'),
  replyTo: z.string().max(320).optional(),
  attachments: objectList(File, 50).optional(),
  inlineImages: objectList(InlineImage, 50).optional(),
  includeSignature: flag().default(false).describe("Append the account's signature"),
  headers: z
    .record(z.string(), z.string())
    .optional()
    .describe('Further headers: X-… and List-… only')
}
export const sending = {
  idempotencyKey: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe(
      'A repetition with the same key is not sent again. Without one, the same message within 60 seconds is not'
    ),
  dryRun: flag().default(false).describe('Check and compose, but do not send')
}

const Content = z.object(content)

/** What is to be written, before it is put into RFC 5322. */
export interface Letter {
  readonly to: readonly string[]
  readonly cc?: readonly string[] | undefined
  readonly bcc?: readonly string[] | undefined
  readonly subject: string
  readonly content: z.output<typeof Content>
  readonly thread?: ThreadHeaders | undefined
  /** Files besides those that the caller attaches. */
  readonly files?: readonly OutgoingFile[]
  /** What follows the person's own words: a quoted message. */
  readonly quote?: { text: string; html: string } | undefined
}

/** A composed message, and what is known of it. */
export interface Written {
  readonly raw: Buffer
  readonly messageId: string
  readonly recipients: string[]
  /** The same for two messages that say the same to the same people. */
  readonly hash: string
}

/** Composes a letter. `messageId` is used instead of a new one when it is given. */
export async function write(letter: Letter, call: ToolCall, messageId?: string): Promise<Written> {
  const { context, signal } = call
  const { content: said } = letter
  const identity = await identityFor(context.mailbox, said.from, signal)
  const domain = context.mailbox.address.split('@')[1] ?? 'localhost'
  const id = messageId ?? `<${context.nonce()}.${context.clock.now().toString(36)}@${domain}>`
  const files = [...(letter.files ?? []), ...(await readFiles(said, call))]
  const signature = said.includeSignature ? await signatureOf(identity.signature, call) : undefined
  const message: Outgoing = {
    from: identity.from,
    to: letter.to,
    cc: letter.cc ?? [],
    bcc: letter.bcc ?? [],
    ...(said.replyTo && { replyTo: said.replyTo }),
    subject: letter.subject,
    ...bodies(said, signature, letter.quote),
    files,
    headers: safeHeaders(said.headers ?? {}),
    messageId: id,
    ...(letter.thread?.inReplyTo && { inReplyTo: letter.thread.inReplyTo }),
    ...(letter.thread && { references: letter.thread.references }),
    date: new Date(context.clock.now())
  }
  const raw = await compose(message)
  return {
    raw,
    messageId: id,
    recipients: (['to', 'cc', 'bcc'] as const).flatMap((field) =>
      toAddresses(field, message[field]).map(({ address }) => address)
    ),
    hash: hashOf(message, letter.thread?.threadId)
  }
}

function bodies(
  { body, htmlBody, mimeType }: z.output<typeof Content>,
  signature: { text: string; html: string } | undefined,
  quote: { text: string; html: string } | undefined
): { text?: string; html?: string } {
  const isHtmlOnly = mimeType === 'text/html'
  const html = isHtmlOnly ? (htmlBody ?? body) : htmlBody
  const wantsHtml = html !== undefined || mimeType === 'multipart/alternative'
  const ended = {
    text: [body, signature && `-- \n${signature.text}`, quote?.text]
      .filter((each) => each)
      .join('\n\n'),
    html: [
      html ?? `<div>${escapeHtml(body).replaceAll('\n', '<br>\n')}</div>`,
      signature &&
        `<div data-smartmail="gmail_signature" class="gmail_signature">${signature.html}</div>`,
      quote?.html
    ]
      .filter((each) => each)
      .join('<br>\n')
  }
  if (isHtmlOnly) return { html: ended.html }
  return wantsHtml ? ended : { text: ended.text }
}

export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"]/g, (character) => ESCAPES[character] ?? character)

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;'
}

async function signatureOf(html: string, { context, signal }: ToolCall) {
  if (html.trim() === '') return undefined
  return { html, text: (await context.mime.readHtml(html, signal)).text }
}

async function readFiles(
  { attachments = [], inlineImages = [] }: z.output<typeof Content>,
  call: ToolCall
): Promise<OutgoingFile[]> {
  const files: OutgoingFile[] = inlineImages.map((image) => ({
    filename: safeFilename(image.filename ?? '', 'image', image.mimeType),
    mimeType: image.mimeType,
    content: fromBase64('inlineImages', image.contentBase64),
    contentId: image.contentId
  }))
  for (const file of attachments) files.push(await readFile(file, call))
  return files
}

async function readFile(file: z.output<typeof File>, call: ToolCall): Promise<OutgoingFile> {
  const { filename, mimeType, contentBase64, fromMessageId, partId } = file
  if (contentBase64 !== undefined && filename !== undefined)
    return {
      filename: plainName(filename),
      mimeType: mimeType ?? 'application/octet-stream',
      content: fromBase64(filename, contentBase64)
    }
  if (contentBase64 !== undefined || fromMessageId === undefined || partId === undefined)
    throw new ToolError(
      'invalid_argument',
      'Each attachment needs filename and contentBase64, or fromMessageId and partId.'
    )
  const id = await resolveMessageId(call.context.mailbox, fromMessageId, call.signal)
  const found = await findAttachment(id, { partId }, call)
  return {
    filename: filename === undefined ? found.attachment.filename : plainName(filename),
    mimeType: mimeType ?? found.attachment.mimeType,
    content: await found.read()
  }
}

/** A name is not a path: a client may believe that this server reads files. */
function plainName(filename: string): string {
  singleLine('filename', filename)
  if (/[/\\]/.test(filename))
    throw new ToolError(
      'invalid_argument',
      'filename must be a name without a path; the content is given in contentBase64.'
    )
  return filename
}

function fromBase64(name: string, text: string): Buffer {
  const compact = text.replace(/\s+/g, '')
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(compact))
    throw new ToolError('invalid_argument', `The content of ${JSON.stringify(name)} is not base64.`)
  return Buffer.from(compact, 'base64')
}

/** Names that cannot change who gets a message, how it is read or what Gmail makes of it. */
const SAFE_HEADER =
  /^(X-(?!Google|Gm-|Received)[A-Za-z0-9-]+|List-(Id|Unsubscribe|Unsubscribe-Post))$/i

function safeHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  for (const [name, value] of Object.entries(headers)) {
    if (!SAFE_HEADER.test(name))
      throw new ToolError('invalid_argument', `The header ${JSON.stringify(name)} cannot be set.`)
    singleLine(name, value)
  }
  return { ...headers }
}

function hashOf({ messageId: _, date: __, files, ...rest }: Outgoing, threadId?: string): string {
  const hash = createHash('sha256').update(JSON.stringify([rest, threadId ?? null]))
  for (const { content, ...file } of files) hash.update(JSON.stringify(file)).update(content)
  return hash.digest('base64url')
}
