import { addressesOf, type MailAddress } from './addresses.ts'
import { decodeText } from './charset.ts'
import { headerValue } from './headers.ts'
import { type MimePart, parseMime, walkParts } from './part.ts'
import { htmlToText } from './plain-text.ts'

/** A message read once, each aspect on first need. */
export class Mail {
  readonly raw: Buffer
  #root: MimePart | undefined
  #text: string | undefined
  #snippet: string | undefined

  constructor(raw: Buffer) {
    this.raw = raw
  }

  get root(): MimePart {
    this.#root ??= parseMime(this.raw)
    return this.#root
  }

  header(name: string): string | undefined {
    return headerValue(this.root.headers, name)
  }

  get subject(): string {
    return this.header('Subject') ?? ''
  }

  /** With angle brackets, as written; undefined when there is none. */
  get messageId(): string | undefined {
    return /<[^<>\s]+>/.exec(this.header('Message-ID') ?? '')?.[0]
  }

  /** The message ids that this message answers, the nearest last (RFC 5322 §3.6.4). */
  get references(): string[] {
    const text = `${this.header('References') ?? ''} ${this.header('In-Reply-To') ?? ''}`
    return text.match(/<[^<>\s]+>/g) ?? []
  }

  /** Everyone in the named header fields, groups opened, addresses in lower case. */
  addresses(...names: readonly string[]): MailAddress[] {
    return this.root.headers
      .filter(({ name }) => names.some((wanted) => wanted.toLowerCase() === name.toLowerCase()))
      .flatMap(({ value }) => addressesOf(value))
  }

  /** What a person reads: the plain text, or else the text of the HTML. */
  get text(): string {
    this.#text ??= readableText(this.root)
    return this.#text
  }

  get filenames(): string[] {
    return [...walkParts(this.root)].flatMap(({ filename }) => (filename === '' ? [] : [filename]))
  }

  /** Inline images are none, as in Gmail's own search. */
  get hasAttachment(): boolean {
    return [...walkParts(this.root)].some(
      ({ filename, headers }) => filename !== '' && headerValue(headers, 'Content-ID') === undefined
    )
  }

  /** The beginning of the text, with HTML's special characters escaped, as Gmail gives it. */
  get snippet(): string {
    this.#snippet ??= escapeHtml(this.text.slice(0, 1000).replace(/\s+/g, ' ').trim().slice(0, 200))
    return this.#snippet
  }
}

function readableText(root: MimePart): string {
  const texts = [...walkParts(root)].filter(
    ({ mimeType, filename }) => mimeType.startsWith('text/') && filename === ''
  )
  const first = (type: string) => {
    const part = texts.find(({ mimeType, content }) => mimeType === type && content.length > 0)
    return part ? decodeText(part.content, part.charset) : ''
  }
  return first('text/plain') || htmlToText(first('text/html'))
}

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;'
}
const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (found) => ESCAPES[found] ?? found)
