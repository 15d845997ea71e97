/** Reads ZIP archives that strangers made: nothing is unpacked that was not asked for, and nothing beyond the limits. */
import { type Entry, fromBufferPromise, type ZipFile } from 'yauzl'
import { MAX_ENTRIES, MAX_ENTRY_BYTES, MAX_UNPACKED_BYTES, UnreadableDocument } from './limits.ts'

export interface ArchiveEntry {
  readonly name: string
  /** As the archive says. */
  readonly size: number
  readonly isEncrypted: boolean
}

export class Archive {
  readonly entries: readonly ArchiveEntry[]
  /** There are more than are listed. */
  readonly isCut: boolean
  readonly #zip: ZipFile
  readonly #byName: ReadonlyMap<string, Entry>
  #room = MAX_UNPACKED_BYTES

  private constructor(zip: ZipFile, entries: readonly Entry[], isCut: boolean) {
    this.#zip = zip
    this.#byName = new Map(entries.map((entry) => [entry.fileName, entry]))
    this.isCut = isCut
    this.entries = entries.map((entry) => ({
      name: entry.fileName,
      size: entry.uncompressedSize,
      isEncrypted: entry.isEncrypted()
    }))
  }

  /** Throws UnreadableDocument when it is none. */
  static async open(bytes: Uint8Array): Promise<Archive> {
    try {
      const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      const zip = await fromBufferPromise(buffer, { lazyEntries: true, strictFileNames: false })
      const entries: Entry[] = []
      for await (const entry of zip.eachEntry()) {
        if (entries.length >= MAX_ENTRIES) return new Archive(zip, entries, true)
        entries.push(entry)
      }
      return new Archive(zip, entries, false)
    } catch {
      throw new UnreadableDocument('The archive is broken.')
    }
  }

  has(name: string): boolean {
    return this.#byName.has(name)
  }

  /**
   * The bytes of a file in it, piece by piece, as far as the limits allow; none when there is no such file. Throws
   * UnreadableDocument for one that is broken or needs a password.
   */
  async *read(name: string): AsyncGenerator<Buffer> {
    const entry = this.#byName.get(name)
    if (!entry) return
    if (entry.isEncrypted()) throw new UnreadableDocument('The file needs a password.')
    let left = MAX_ENTRY_BYTES
    try {
      const stream = await this.#zip.openReadStreamPromise(entry)
      for await (const chunk of stream) {
        const bytes: Buffer = chunk
        yield bytes
        left -= bytes.length
        this.#room -= bytes.length
        if (left <= 0 || this.#room <= 0) return
      }
    } catch {
      throw new UnreadableDocument('The file is broken.')
    }
  }
}
