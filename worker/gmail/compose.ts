import { ToolError } from '../tool-error.ts'
import { type Address, parseAddress, splitAddresses } from './addresses.ts'

/** A file that goes out with a message. */
export interface OutgoingFile {
  readonly filename: string
  readonly mimeType: string
  readonly content: Buffer
  /** Makes it an inline image that the HTML shows as `cid:…`. */
  readonly contentId?: string
}

/** A message to be written. */
export interface Outgoing {
  readonly from: Address
  readonly to: readonly string[]
  readonly cc: readonly string[]
  readonly bcc: readonly string[]
  readonly replyTo?: string
  readonly subject: string
  readonly text?: string
  readonly html?: string
  readonly files: readonly OutgoingFile[]
  /** Further header fields, checked by the caller. */
  readonly headers: Readonly<Record<string, string>>
  /** `<…@…>`, ours, so that the message can be found again. */
  readonly messageId: string
  /** `<…@…>` of the message that is answered, and of all before it (RFC 5322, section 3.6.4). */
  readonly inReplyTo?: string
  readonly references?: readonly string[]
  readonly date: Date
}

/** Gmail's limits: recipients of one message, and bytes of the encoded message. */
const MAX_RECIPIENTS = 500
const MAX_BYTES = 25_000_000
/** Longer header fields are refused by many servers, even when folded. */
const MAX_SUBJECT_CHARS = 2000
const CONTROL =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u001f\u007f]/

/** A message as RFC 5322 text. Throws `invalid_argument` or `too_large` before anything is sent. */
export async function compose(message: Outgoing): Promise<Buffer> {
  const { default: MailComposer } = await import('nodemailer/lib/mail-composer')
  const to = toAddresses('to', message.to)
  const cc = toAddresses('cc', message.cc)
  const bcc = toAddresses('bcc', message.bcc)
  checkCount(to.length + cc.length + bcc.length)
  const composed = new MailComposer({
    from: message.from,
    to,
    cc,
    bcc,
    ...(message.replyTo && { replyTo: toAddresses('replyTo', [message.replyTo]) }),
    subject: singleLine('subject', message.subject),
    ...(message.text !== undefined && { text: message.text }),
    ...(message.html !== undefined && { html: message.html }),
    attachments: message.files.map((file) => ({
      filename: singleLine('filename', file.filename),
      contentType: singleLine('mimeType', file.mimeType),
      content: file.content,
      ...(file.contentId && {
        cid: singleLine('contentId', file.contentId),
        contentDisposition: 'inline' as const
      })
    })),
    messageId: singleLine('messageId', message.messageId),
    ...(message.inReplyTo && { inReplyTo: singleLine('inReplyTo', message.inReplyTo) }),
    ...(message.references && {
      references: message.references.map((id) => singleLine('references', id))
    }),
    headers: { ...message.headers },
    date: message.date,
    xMailer: false,
    newline: 'windows',
    disableFileAccess: true,
    disableUrlAccess: true
  }).compile()
  // Gmail reads the hidden recipients from the message, and removes them on delivery.
  composed.keepBcc = true
  const raw = await composed.build()
  if (raw.length > MAX_BYTES)
    throw new ToolError('too_large', 'The message is over 25 MB, which Gmail does not deliver.')
  return raw
}

/** Refuses what would end a header line and begin another one. */
export function singleLine(field: string, value: string): string {
  if (CONTROL.test(value))
    throw new ToolError(
      'invalid_argument',
      `${field} must not hold line breaks or control characters.`
    )
  if (value.length > MAX_SUBJECT_CHARS)
    throw new ToolError('invalid_argument', `${field} is too long.`)
  return value
}

/** Addresses of a field that may itself hold lists. */
export function toAddresses(field: string, given: readonly string[]): Address[] {
  return given.flatMap((each) =>
    splitAddresses(singleLine(field, each)).map((written) => {
      const address = parseAddress(written)
      if (!address)
        throw new ToolError(
          'invalid_argument',
          `${field} holds ${JSON.stringify(written)}, which is no e-mail address.`
        )
      return address
    })
  )
}

function checkCount(recipients: number): void {
  if (recipients === 0) throw new ToolError('invalid_argument', 'The message has no recipient.')
  if (recipients > MAX_RECIPIENTS)
    throw new ToolError(
      'invalid_argument',
      `A message cannot have more than ${MAX_RECIPIENTS} recipients.`
    )
}
