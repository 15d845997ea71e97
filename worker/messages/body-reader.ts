import { ToolError } from '#shared/tool-error.ts'
import { bodyPlan, type Piece, typeOf } from '../gmail/body-plan.ts'
import type { Message, MessagePart } from '../gmail/mailbox.ts'
import { cleanText } from '../mime/clean-text.ts'
import { enrichedText } from '../mime/enriched-text.ts'
import { unflowed } from '../mime/format-flowed.ts'
import type { ReadHtml } from '../mime/read-html.ts'
import { reportText } from '../mime/report-text.ts'
import { simpleHtmlText } from '../mime/simple-html-text.ts'
import { areSame, isFormOf, roughText, type Words, wordsOf } from '../mime/text-similarity.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import { escapeHtml } from '../tool-kit/escape-html.ts'
import { attachedMessageText } from './attached-message.ts'
import { MAX_TEXT_BYTES, partText, typeParameter } from './part-text.ts'

/** What one piece of a message says. */
export interface Section {
  readonly partId: string
  readonly mimeType: string
  readonly kind: 'text' | 'html' | 'calendar' | 'message' | 'report'
  readonly text: string
  readonly html?: string
  /** Whether `html` is the sender's own, though `text` was not made from it. */
  readonly hasOwnHtml?: boolean
}

export interface ReaderWishes {
  readonly html: boolean
  readonly wholeLinks?: boolean
}

type Counted = Pick<ReadHtml, 'hiddenChars' | 'cutLinks' | 'isStyleCut' | 'unreadChars'> & {
  readonly isFormUnchecked?: boolean
}

/** Messages inside each other are read so far. */
const MAX_MESSAGES_DEEP = 4
/** A form of fewer words is a picture with a name, or nothing. */
const FEW_WORDS = 3

/** Reads the pieces of one message, in order. To be used once. */
export class BodyReader {
  hiddenChars = 0
  cutLinks = 0
  isStyleCut = false
  isUnread = false
  /** Whether the plain form is told though not all of it was compared with what people see of the HTML. */
  isFormUnchecked = false
  hasHtml = false
  readonly #message: Message
  readonly #wishes: ReaderWishes
  readonly #call: ToolCall
  readonly #depth: number
  #room = MAX_TEXT_BYTES

  constructor(message: Message, wishes: ReaderWishes, call: ToolCall, depth = 0) {
    this.#message = message
    this.#wishes = wishes
    this.#call = call
    this.#depth = depth
  }

  async read(pieces: readonly Piece[]): Promise<Section[]> {
    const sections: Section[] = []
    for (const piece of pieces)
      sections.push(
        ...(piece.kind === 'choice' ? await this.#choose(piece.forms) : await this.#one(piece))
      )
    return sections
  }

  async #one({ kind, part }: Exclude<Piece, { kind: 'choice' }>): Promise<Section[]> {
    const made = (text: string, more: Partial<Section> = {}): Section[] => [
      { partId: part.partId || '0', mimeType: typeOf(part), kind, text, ...more }
    ]
    switch (kind) {
      case 'html': {
        this.hasHtml = true
        const read = await this.#html(await this.#source(part))
        this.#count(read)
        return made(read.text, read.html === undefined ? {} : { html: read.html })
      }
      case 'text': {
        const text = await this.#plain(part)
        return made(text, this.#wishes.html ? { html: asHtml(text) } : {})
      }
      case 'report': {
        const text = cleanText(reportText(await this.#source(withFields(part)))).trim()
        return text === '' ? [] : made(text)
      }
      case 'calendar': {
        const source = await this.#source(part)
        const { mime } = this.#call.context
        return made(
          (await mime.readCalendar(source, this.#call.signal)) ?? cleanText(source).trim()
        )
      }
      case 'message':
        return made(await this.#attached(part))
    }
  }

  /**
   * One of several forms: the plain one, unless it is a stub or says other things than the HTML that people see, what is
   * hidden in that included. Where nothing can be hidden this is told without building the HTML's tree.
   */
  async #choose(forms: readonly (readonly Piece[])[]): Promise<Section[]> {
    const rich = forms.findLast(holdsHtml)
    const simple = forms.find((form) => !holdsHtml(form))
    if (!rich || !simple) return this.read(forms.at(-1) ?? [])
    this.hasHtml = true
    const plain = await this.read(simple)
    const said = textOf(plain)
    const open = this.#wishes.html || said === '' ? undefined : await this.#openText(rich)
    if (open !== undefined && areSame(said, open)) return plain
    const words = wordsOf(said)
    const isEmpty = words.all.size === 0
    if (open !== undefined && !isEmpty && isFormOf(words, wordsOf(open)))
      return this.#unchecked(plain, words.isCut)
    try {
      const full = await this.#apart((reader) => reader.read(rich))
      const isPlain = await this.#isEnough(words, full, rich)
      this.#count(full)
      if (!isPlain) return full.sections
      this.isFormUnchecked ||= words.isCut && !areSame(said, textOf(full.sections))
      const html = full.sections.flatMap((section) => section.html ?? []).join('\n')
      return plain.map((section, at) => {
        const { html: _, ...rest } = section
        return at === 0 && html !== '' ? { ...rest, html, hasOwnHtml: true } : rest
      })
    } catch (error) {
      if (!(error instanceof ToolError) || error.code !== 'too_large' || isEmpty) throw error
      return this.#unchecked(plain, true)
    }
  }

  #unchecked(plain: Section[], isUnchecked: boolean): Section[] {
    this.isFormUnchecked ||= isUnchecked
    return plain
  }

  /** Whether the plain form says what people see of the HTML, or that says next to nothing; and nothing that it hides. */
  async #isEnough(
    words: Words,
    { sections, hiddenChars }: { sections: readonly Section[]; hiddenChars: number },
    rich: readonly Piece[]
  ): Promise<boolean> {
    if (words.all.size === 0) return false
    const seen = wordsOf(textOf(sections))
    const isLittle = seen.all.size < Math.min(FEW_WORDS, words.all.size)
    if (hiddenChars === 0) return isLittle || isFormOf(words, seen)
    if (!isLittle) return false
    const all = await this.#sources(rich, roughText)
    return ![...wordsOf(all?.join(' ') ?? '').all].some(
      (word) => words.all.has(word) && !seen.all.has(word)
    )
  }

  /** Reads with counts of their own, which hold only if what was read is told. */
  async #apart(read: (reader: BodyReader) => Promise<Section[]>) {
    const reader = new BodyReader(this.#message, this.#wishes, this.#call, this.#depth)
    reader.#room = this.#room
    const sections = await read(reader)
    const { hiddenChars, cutLinks, isStyleCut, isUnread, isFormUnchecked } = reader
    const unreadChars = isUnread ? 1 : 0
    return { sections, hiddenChars, cutLinks, isStyleCut, isFormUnchecked, unreadChars }
  }

  #count(read: Counted): void {
    this.hiddenChars += read.hiddenChars
    this.cutLinks += read.cutLinks
    this.isStyleCut ||= read.isStyleCut
    this.isUnread ||= read.unreadChars > 0
    this.isFormUnchecked ||= read.isFormUnchecked ?? false
  }

  /** The text of a form in which nothing can be hidden; undefined when something might be. */
  async #openText(form: readonly Piece[]): Promise<string | undefined> {
    const texts = await this.#sources(form, (source, kind) =>
      kind === 'html' ? simpleHtmlText(source) : source
    )
    return texts?.every((text) => text !== undefined) ? cleanText(texts.join(' ')) : undefined
  }

  /** What `read` makes of the sources of a form; undefined when it holds a choice of others. */
  async #sources<T>(
    form: readonly Piece[],
    read: (source: string, kind: Piece['kind']) => T
  ): Promise<T[] | undefined> {
    const found: T[] = []
    for (const piece of form) {
      if (piece.kind === 'choice') return undefined
      const { text } = await partText(this.#message, piece.part, MAX_TEXT_BYTES, this.#call)
      found.push(read(text, piece.kind))
    }
    return found
  }

  async #plain(part: MessagePart): Promise<string> {
    const source = await this.#source(part)
    const type = typeOf(part)
    const isFlowed = type === 'text/plain' && /^flowed$/i.test(typeParameter(part, 'format') ?? '')
    const isEnriched = type === 'text/enriched' || type === 'text/richtext'
    const text = isFlowed
      ? unflowed(source, /^yes$/i.test(typeParameter(part, 'delsp') ?? ''))
      : isEnriched
        ? enrichedText(source)
        : source
    return cleanText(text)
      .replace(/\n{4,}/g, '\n\n\n')
      .trim()
  }

  #html(source: string): Promise<ReadHtml> {
    const { html, wholeLinks = false } = this.#wishes
    return this.#call.context.mime.readHtml(source, this.#call.signal, { html, wholeLinks })
  }

  async #source(part: MessagePart): Promise<string> {
    if (this.#room <= 0) {
      this.isUnread = true
      return ''
    }
    const { text, bytes, isCut } = await partText(this.#message, part, this.#room, this.#call)
    this.#room -= bytes
    this.isUnread ||= isCut
    return text
  }

  async #attached(part: MessagePart): Promise<string> {
    const isDeep = this.#depth >= MAX_MESSAGES_DEEP
    const text = isDeep
      ? undefined
      : await attachedMessageText(this.#message, part, this.#call, async (inner) => {
          const { pieces, isCut } = bodyPlan(inner.payload)
          const wishes = { ...this.#wishes, html: false }
          const reader = new BodyReader(inner, wishes, this.#call, this.#depth + 1)
          reader.#room = this.#room
          const sections = await reader.read(pieces)
          this.#room = reader.#room
          this.#count({ ...reader, unreadChars: reader.isUnread || isCut ? 1 : 0 })
          return textOf(sections)
        })
    const name = `part ${part.partId || '0'}`
    if (text !== undefined)
      return `--- Attached message (${name}) ---\n${text}\n--- End of the attached message ---`
    this.isUnread ||= isDeep
    return `--- Attached message (${name}): not read here, see download_attachment ---`
  }
}

const textOf = (sections: readonly Section[]): string =>
  sections
    .map(({ text }) => text)
    .filter((text) => text !== '')
    .join('\n\n')

const holdsHtml = (form: readonly Piece[]): boolean =>
  form.some((piece) =>
    piece.kind === 'choice' ? piece.forms.some(holdsHtml) : piece.kind === 'html'
  )

const asHtml = (text: string): string =>
  text === '' ? '' : `<p>${escapeHtml(text).replaceAll('\n', '<br />\n')}</p>`

/** The fields of a report, which Gmail may hand out as the headers of parts below it. */
function withFields(part: MessagePart): MessagePart {
  if (part.body?.data || part.body?.attachmentId) return part
  const blocks = (part.parts ?? []).map((child) =>
    (child.headers ?? []).map(({ name, value }) => `${name}: ${value}`).join('\n')
  )
  return { ...part, body: { data: Buffer.from(blocks.join('\n\n')).toString('base64url') } }
}
