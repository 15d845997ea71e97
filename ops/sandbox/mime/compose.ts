/** A file or an inline image of a composed message. */
export interface AttachedFile {
  readonly filename: string
  readonly mimeType: string
  readonly content: Buffer | string
  /** Makes it an inline image that the HTML names as `cid:…`. */
  readonly contentId?: string
}

export interface MailFields {
  readonly from: string
  readonly to?: string
  readonly cc?: string
  readonly bcc?: string
  readonly subject?: string
  readonly date?: Date
  /** With its angle brackets. */
  readonly messageId?: string
  readonly inReplyTo?: string
  readonly references?: string
  readonly text?: string
  readonly html?: string
  readonly attachments?: readonly AttachedFile[]
  readonly headers?: Readonly<Record<string, string>>
}

/** A message as bytes (RFC 5322, CRLF). The same fields give the same bytes. */
export function composeMail(fields: MailFields): Buffer {
  const { from, to, cc, bcc, subject, date, messageId, inReplyTo, references } = fields
  const headers: [string, string | undefined][] = [
    ['From', from],
    ['To', to],
    ['Cc', cc],
    ['Bcc', bcc],
    ['Subject', subject],
    ['Date', date?.toUTCString().replace('GMT', '+0000')],
    ['Message-ID', messageId],
    ['In-Reply-To', inReplyTo],
    ['References', references],
    ...Object.entries(fields.headers ?? {}),
    ['MIME-Version', '1.0']
  ]
  const lines = headers.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${encodeHeader(value)}`]
  )
  return Buffer.from([...lines, body(fields)].join('\r\n'))
}

/** One part: its header lines, an empty line, its content. */
export function composePart(headers: readonly string[], content: Buffer | string): string {
  if (typeof content === 'string' && isPlain(content)) {
    return [...headers, '', content.replace(/\r?\n/g, '\r\n')].join('\r\n')
  }
  const base64 = Buffer.from(content)
    .toString('base64')
    .replace(/.{76}(?!$)/g, '$&\r\n')
  return [...headers, 'Content-Transfer-Encoding: base64', '', base64].join('\r\n')
}

/** Several parts under one boundary, which is made from `level` so that nested ones differ. */
export function composeMultipart(type: string, level: number, parts: readonly string[]): string {
  const boundary = `=_part_${level}_${type.replace('/', '_')}`
  const pieces = parts.map((part) => `--${boundary}\r\n${part}\r\n`)
  return `Content-Type: ${type}; boundary="${boundary}"\r\n\r\n${pieces.join('')}--${boundary}--\r\n`
}

function body({ text, html, attachments = [] }: MailFields): string {
  const inline = attachments.filter(({ contentId }) => contentId !== undefined)
  const files = attachments.filter(({ contentId }) => contentId === undefined)
  const plain = text === undefined ? [] : [textPart('text/plain', text)]
  const rich = html === undefined ? [] : [withImages(textPart('text/html', html), inline)]
  const texts = [...plain, ...rich]
  const shown = texts.length === 2 ? composeMultipart('multipart/alternative', 1, texts) : texts[0]
  const content = shown ?? textPart('text/plain', '')
  if (files.length === 0) return content
  return composeMultipart('multipart/mixed', 0, [content, ...files.map(filePart)])
}

const withImages = (html: string, images: readonly AttachedFile[]) =>
  images.length === 0
    ? html
    : composeMultipart('multipart/related', 2, [html, ...images.map(filePart)])

const textPart = (type: string, text: string) =>
  composePart([`Content-Type: ${type}; charset="UTF-8"`], text)

function filePart({ filename, mimeType, content, contentId }: AttachedFile): string {
  const name = isPlain(filename)
    ? `filename="${filename}"`
    : `filename*=UTF-8''${encodeURIComponent(filename)}`
  return composePart(
    [
      `Content-Type: ${mimeType}`,
      `Content-Disposition: ${contentId === undefined ? 'attachment' : 'inline'}; ${name}`,
      ...(contentId === undefined ? [] : [`Content-ID: <${contentId}>`])
    ],
    Buffer.from(content)
  )
}

/** Neighbouring words that hold a character outside ASCII, with the white space between them. */
const FOREIGN_WORDS = /[^\s"<>,]*\P{ASCII}[^\s"<>,]*(?:\s+[^\s"<>,]*\P{ASCII}[^\s"<>,]*)*/gu

/** Encoded words of at most 75 characters (RFC 2047 §2), names and addresses kept apart. */
function encodeHeader(value: string): string {
  if (isPlain(value)) return value
  return value.replace(FOREIGN_WORDS, (run) =>
    chunks(run, 39)
      .map((chunk) => `=?UTF-8?B?${Buffer.from(chunk).toString('base64')}?=`)
      .join('\r\n ')
  )
}

/** Pieces of at most `bytes` bytes of UTF-8; no character is cut. */
function chunks(text: string, bytes: number): string[] {
  const pieces = ['']
  for (const character of text) {
    const last = pieces.at(-1) ?? ''
    if (Buffer.byteLength(last + character) > bytes) pieces.push(character)
    else pieces[pieces.length - 1] = last + character
  }
  return pieces
}

const isPlain = (text: string) => /^[\x20-\x7e\t\r\n]*$/.test(text) && !/[^\n]{900}/.test(text)
