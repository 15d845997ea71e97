import { ToolError } from '#shared/tool-error.ts'
import { type Address, readGivenAddresses } from './addresses.ts'

/** A file that goes out with a message. */
export interface OutgoingFile {
  readonly filename: string
  /** The type, maybe with parameters: `text/csv; charset=windows-1252`. */
  readonly mimeType: string
  readonly content: Buffer
  /** Makes it an inline image that the HTML shows as `cid:…`. */
  readonly contentId?: string
  /** Makes it another form of the text, as an invitation is (RFC 6047, section 2.4), instead of a file. */
  readonly isAlternative?: boolean
}

/** Somebody to write to: as the caller wrote it, to be checked, or as it was read from a message. */
export type Recipient = string | Address

/** A message to be written. */
export interface MimeFields {
  readonly from: Address
  readonly to: readonly Recipient[]
  readonly cc: readonly Recipient[]
  readonly bcc: readonly Recipient[]
  /** A draft may still be without recipients. */
  readonly isDraft?: boolean
  readonly replyTo?: string
  readonly subject: string
  readonly text?: string
  readonly html?: string
  readonly files: readonly OutgoingFile[]
  /** Further header fields, checked by the caller. */
  readonly headers: Readonly<Record<string, string>>
  /** Fields of an earlier form of the message, taken over as they stand there: latin1 text, folds included. */
  readonly keptFields?: readonly string[]
  /** `<…@…>`, ours, so that the message can be found again. */
  readonly messageId: string
  /** The id of the message that is answered, and of all before it (RFC 5322, section 3.6.4), as they are written there. */
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
export async function compose(message: MimeFields): Promise<Buffer> {
  const { default: MailComposer } = await import('nodemailer/lib/mail-composer')
  const to = toAddresses('to', message.to)
  const cc = toAddresses('cc', message.cc)
  const bcc = toAddresses('bcc', message.bcc)
  checkCount(to.length + cc.length + bcc.length, message.isDraft ?? false)
  const attached = message.files.filter(({ isAlternative }) => !isAlternative)
  const alternatives = message.files.filter(({ isAlternative }) => isAlternative)
  const composed = new MailComposer({
    from: message.from,
    to,
    cc,
    bcc,
    ...(message.replyTo && { replyTo: toAddresses('replyTo', [message.replyTo]) }),
    subject: singleLine('subject', message.subject),
    ...(message.text !== undefined && { text: message.text }),
    ...(message.html !== undefined && { html: message.html }),
    attachments: attached.map((file) => ({
      filename: singleLine('filename', file.filename),
      contentType: singleLine('mimeType', file.mimeType),
      content: file.content,
      ...(file.contentId
        ? { cid: singleLine('contentId', file.contentId), contentDisposition: 'inline' as const }
        : { contentDisposition: 'attachment' as const })
    })),
    alternatives: alternatives.map(({ mimeType, content }) => ({
      contentType: singleLine('mimeType', mimeType),
      content,
      contentTransferEncoding: 'base64' as const
    })),
    messageId: singleLine('messageId', message.messageId),
    headers: { ...message.headers },
    date: message.date,
    xMailer: false,
    newline: 'windows',
    disableFileAccess: true,
    disableUrlAccess: true
  }).compile()
  // Gmail reads the hidden recipients from the message, and removes them on delivery.
  composed.keepBcc = true
  const raw = Buffer.concat([Buffer.from(ownFields(message), 'latin1'), await composed.build()])
  if (raw.length > MAX_BYTES)
    throw new ToolError('too_large', 'The message is over 25 MB, which Gmail does not deliver.')
  return raw
}

/**
 * Fields that are written here, because they are to stay as they are: the composer would bring Message-IDs into the shape
 * of the RFC, and then nobody finds the message that is meant.
 */
function ownFields({ keptFields = [], inReplyTo, references = [] }: MimeFields): string {
  return [
    ...keptFields,
    ...(inReplyTo ? [`In-Reply-To: ${singleLine('inReplyTo', inReplyTo)}`] : []),
    ...(references.length > 0 ? [folded('References:', references)] : [])
  ]
    .map((field) => `${field}\r\n`)
    .join('')
}

/** A field whose words are never cut: lines of 78 characters where they fit (RFC 5322, section 2.1.1). */
function folded(name: string, words: readonly string[]): string {
  let line = name
  const lines = []
  for (const word of words.map((each) => singleLine(name, each))) {
    if (line.length + word.length < 78 || line === name) line += ` ${word}`
    else {
      lines.push(line)
      line = ` ${word}`
    }
  }
  return [...lines, line].join('\r\n')
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

/** Addresses of a field that may itself hold lists. Throws `invalid_argument` for what the caller wrote and is none. */
export function toAddresses(field: string, given: readonly Recipient[]): Address[] {
  return given.flatMap((each) => {
    if (typeof each !== 'string') return each
    return readGivenAddresses(singleLine(field, each)).map(({ text, mailbox }) => {
      if (!mailbox)
        throw new ToolError(
          'invalid_argument',
          `${field} holds ${JSON.stringify(text)}, which is no e-mail address.`
        )
      return mailbox
    })
  })
}

function checkCount(recipients: number, isDraft: boolean): void {
  if (recipients === 0 && !isDraft)
    throw new ToolError(
      'invalid_argument',
      'The message has no recipient: give to, cc or bcc at least one address.'
    )
  if (recipients > MAX_RECIPIENTS)
    throw new ToolError(
      'invalid_argument',
      `A message cannot have more than ${MAX_RECIPIENTS} recipients.`
    )
}
