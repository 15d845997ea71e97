import { createHash } from 'node:crypto'
import {
  compose,
  type Outgoing,
  type OutgoingFile,
  singleLine,
  toAddresses
} from '../gmail/compose.ts'
import { identityFor } from '../gmail/identity.ts'
import type { ThreadHeaders } from '../gmail/parent.ts'
import { ToolError } from '../tool-error.ts'
import type { ToolCall } from './context.ts'
import { escapeHtml } from './escape-html.ts'
import type { Content } from './letter-input.ts'
import { readFiles } from './outgoing-files.ts'

/** What is to be written, before it is put into RFC 5322. */
export interface Letter {
  readonly to: readonly string[]
  readonly cc?: readonly string[] | undefined
  readonly bcc?: readonly string[] | undefined
  readonly subject: string
  readonly content: Content
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
    headers: safeHeaders(said.headers ?? []),
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
  { body, htmlBody, mimeType }: Content,
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

async function signatureOf(html: string, { context, signal }: ToolCall) {
  if (html.trim() === '') return undefined
  return { html, text: (await context.mime.readHtml(html, signal)).text }
}

/** Names that cannot change who gets a message, how it is read or what Gmail makes of it. */
const SAFE_HEADER =
  /^(X-(?!Google|Gm-|Received)[A-Za-z0-9-]+|List-(Id|Unsubscribe|Unsubscribe-Post))$/i

function safeHeaders(lines: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = colon < 0 ? line : line.slice(0, colon).trim()
    if (!SAFE_HEADER.test(name))
      throw new ToolError('invalid_argument', `The header ${JSON.stringify(name)} cannot be set.`)
    if (colon < 0)
      throw new ToolError(
        'invalid_argument',
        `The header ${name} has no value: write "${name}: …".`
      )
    headers[name] = singleLine(name, line.slice(colon + 1).trim())
  }
  return headers
}

function hashOf({ messageId: _, date: __, files, ...rest }: Outgoing, threadId?: string): string {
  const hash = createHash('sha256').update(JSON.stringify([rest, threadId ?? null]))
  for (const { content, ...file } of files) hash.update(JSON.stringify(file)).update(content)
  return hash.digest('base64url')
}
