/**
 * Text that is being written: words with single blanks between them, lines, and blocks apart from each other. White
 * space is decided when the next word comes, so that none is left at an end.
 */
export class TextFrame {
  /** Pieces, so that the end can be looked at without joining all of them. */
  readonly #pieces: string[] = []
  #last = '\n'
  #breaks = 0
  #hasBlank = false

  /** A place in what is written, for `text`. */
  get end(): number {
    return this.#pieces.length
  }

  /** What has been written, from `start` on. */
  text(start = 0): string {
    return (start === 0 ? this.#pieces : this.#pieces.slice(start)).join('')
  }

  get isEmpty(): boolean {
    return this.#pieces.length === 0
  }

  /** Words whose white space is to be collapsed (CSS Text 3, section 4.1.1). */
  words(text: string): void {
    const collapsed = text.replace(/[ \t\n\r\f]+/g, ' ')
    // A blank that does not break is no word either.
    if (collapsed.trim() === '') {
      if (collapsed !== '') this.blank()
      return
    }
    if (collapsed.startsWith(' ')) this.blank()
    this.#put(collapsed.replace(/^ | $/g, ''))
    if (collapsed.endsWith(' ')) this.blank()
  }

  /** Text whose white space and line ends stay. */
  exact(text: string): void {
    const [first = '', ...more] = text.replace(/\r\n?/g, '\n').split('\n')
    if (first !== '') this.#put(first)
    for (const line of more) {
      this.lineEnd()
      if (line !== '') this.#put(line)
    }
  }

  /** Several lines as they are, apart from what is around them. */
  lines(text: string, gap: number): void {
    if (text === '') return
    this.block(gap)
    this.#put(text)
    this.block(gap)
  }

  /** A blank before the next word of the line, if there is one. */
  blank(): void {
    if (this.#breaks === 0 && !this.isEmpty) this.#hasBlank = true
  }

  /** A line end that was asked for: two of them leave an empty line. */
  lineEnd(): void {
    this.#hasBlank = false
    if (!this.isEmpty) this.#breaks = Math.min(this.#breaks + 1, MAX_BREAKS)
  }

  /** Begins a new line, after `gap` - 1 empty ones. */
  block(gap: number): void {
    this.#hasBlank = false
    if (!this.isEmpty) this.#breaks = Math.max(this.#breaks, gap)
  }

  #put(text: string): void {
    if (this.#breaks > 0) this.#pieces.push('\n'.repeat(this.#breaks))
    else if (this.#hasBlank && this.#last !== ' ' && this.#last !== '\t') this.#pieces.push(' ')
    this.#breaks = 0
    this.#hasBlank = false
    this.#pieces.push(text)
    this.#last = text.at(-1) ?? this.#last
  }
}

const MAX_BREAKS = 3
