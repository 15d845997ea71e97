import { createHash } from 'node:crypto'
import { ToolError } from '#shared/tool-error.ts'
import {
  compose,
  type MimeFields,
  type OutgoingFile,
  type Recipient,
  singleLine,
  toAddresses
} from '../gmail/compose.ts'
import type { ThreadHeaders } from '../gmail/reply-headers.ts'
import { identityFor } from '../gmail/send-as.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import { escapeHtml } from '../tool-kit/escape-html.ts'
import type { Content } from './message-input.ts'
import { readFiles } from './outgoing-attachments.ts'

/** What is to be written, before it is put into RFC 5322. */
export interface MessageDraft {
  readonly to?: readonly Recipient[] | undefined
  readonly cc?: readonly Recipient[] | undefined
  readonly bcc?: readonly Recipient[] | undefined
  readonly subject: string
  readonly content: Content
  readonly thread?: ThreadHeaders | undefined
  /** Files besides those that the caller attaches. */
  readonly files?: readonly OutgoingFile[]
  readonly quote?: Quote | undefined
  /** It sends on what somebody else has written. */
  readonly forwards?: boolean
  /** A draft may be without recipients. */
  readonly isDraft?: boolean
  /** What stays of an earlier form: see `Outgoing.keptFields`. */
  readonly keptFields?: readonly string[]
  /** Words of an answered or changed message that stood where an address belongs, and reach nobody. */
  readonly oddRecipients?: readonly string[]
}

/** What follows the person's own words: a quoted or forwarded message. */
export interface Quote {
  readonly text: string
  /** By default the text. */
  readonly html?: string
  /** Style sheets that the HTML needs; they reach nothing else. */
  readonly css?: string
}

/** Whom a message reaches, as bare addresses. */
export interface Reached {
  readonly to: readonly string[]
  readonly cc: readonly string[]
  readonly bcc: readonly string[]
}

/** A composed message, and what is known of it. */
export interface ComposedMessage {
  readonly raw: Buffer
  readonly messageId: string
  readonly reached: Reached
  /** Entries of an answered or changed message that are no address. */
  readonly odd: readonly string[]
  /** The same for two messages that say the same to the same people. */
  readonly hash: string
}

/** Composes a letter. `messageId` is used instead of a new one when it is given. */
export async function composeMessage(
  letter: MessageDraft,
  call: ToolCall,
  messageId?: string
): Promise<ComposedMessage> {
  const { context, signal } = call
  const { content: said } = letter
  const identity = await identityFor(context.mailbox, said.from, signal)
  const domain = context.mailbox.address.split('@')[1] ?? 'localhost'
  const id = messageId ?? `<${context.nonce()}.${context.clock.now().toString(36)}@${domain}>`
  const files = [...(letter.files ?? []), ...(await readFiles(said, call))]
  const signature = said.includeSignature ? await signatureOf(identity.signature, call) : undefined
  const message: MimeFields = {
    from: identity.from,
    to: letter.to ?? [],
    cc: letter.cc ?? [],
    bcc: letter.bcc ?? [],
    ...(said.replyTo && { replyTo: said.replyTo }),
    subject: letter.subject,
    ...bodies(said, signature, letter.quote),
    files,
    headers: safeHeaders(said.headers ?? []),
    ...(letter.isDraft && { isDraft: true }),
    ...(letter.keptFields && { keptFields: letter.keptFields }),
    messageId: id,
    ...(letter.thread?.inReplyTo && { inReplyTo: letter.thread.inReplyTo }),
    ...(letter.thread && { references: letter.thread.references }),
    date: new Date(context.clock.now())
  }
  const raw = await compose(message)
  return {
    raw,
    messageId: id,
    reached: {
      to: addressesOf('to', message.to),
      cc: addressesOf('cc', message.cc),
      bcc: addressesOf('bcc', message.bcc)
    },
    odd: letter.oddRecipients ?? [],
    hash: hashOf(message, letter.thread?.threadId)
  }
}

const addressesOf = (field: string, given: readonly Recipient[]): string[] =>
  toAddresses(field, given).map(({ address }) => address)

function bodies(
  { body, htmlBody, mimeType }: Content,
  signature: { text: string; html: string } | undefined,
  quote: Quote | undefined
): { text?: string; html?: string } {
  const isHtmlOnly = mimeType === 'text/html'
  const html = isHtmlOnly ? (htmlBody ?? body) : htmlBody
  const wantsHtml = html !== undefined || mimeType === 'multipart/alternative'
  const ended = {
    text: [body, signature && `-- \n${signature.text}`, quote?.text]
      .filter((each) => each)
      .join('\n\n'),
    html: [
      html ?? (body && `<div>${escapeHtml(body).replaceAll('\n', '<br>\n')}</div>`),
      signature &&
        `<div data-smartmail="gmail_signature" class="gmail_signature">${signature.html}</div>`,
      quote && (quote.html ?? `<div>${escapeHtml(quote.text).replaceAll('\n', '<br>\n')}</div>`)
    ]
      .filter((each) => each)
      .join('<br>\n')
  }
  if (quote?.css)
    ended.html = `<html><head><style>\n${quote.css}\n</style></head><body>\n${ended.html}\n</body></html>`
  if (isHtmlOnly) return { html: ended.html }
  return wantsHtml ? ended : { text: ended.text }
}

async function signatureOf(html: string, { context, signal }: ToolCall) {
  if (html.trim() === '') return undefined
  return { html, text: (await context.mime.readHtml(html, signal, OWN)).text }
}

/** What one sends is read with its links whole. */
const OWN = { html: false, wholeLinks: true } as const

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

function hashOf({ messageId: _, date: __, files, ...rest }: MimeFields, threadId?: string): string {
  const hash = createHash('sha256').update(JSON.stringify([rest, threadId ?? null]))
  for (const { content, ...file } of files) hash.update(JSON.stringify(file)).update(content)
  return hash.digest('base64url')
}
