/** What is read of one file at most. Beyond it the text says that it goes on. */
export const MAX_CHARS = 1_000_000
/** Unpacked bytes of one file inside an archive, and of all that are read of it. */
export const MAX_ENTRY_BYTES = 60_000_000
export const MAX_UNPACKED_BYTES = 100_000_000
export const MAX_ENTRIES = 10_000
export const MAX_PAGES = 500
export const MAX_ROWS = 20_000

/** What a document says. */
export interface DocumentText {
  /** What was recognised. */
  readonly kind: string
  readonly text: string
  /** Why there is more than `text` has. */
  readonly cut?: string
}

/** A file that is not what it says, or is broken: the message is for the client. */
export class UnreadableDocument extends Error {
  override readonly name = 'UnreadableDocument'
}

/** Gathers text up to the limit. */
export class Gathered {
  #parts: string[] = []
  #length = 0

  get isFull(): boolean {
    return this.#length >= MAX_CHARS
  }

  add(text: string): void {
    if (this.isFull) return
    const piece = text.slice(0, MAX_CHARS - this.#length)
    this.#parts.push(piece)
    this.#length += piece.length
    if (this.#parts.length > 10_000) this.#parts = [this.#parts.join('')]
  }

  get text(): string {
    return this.#parts.join('')
  }
}
