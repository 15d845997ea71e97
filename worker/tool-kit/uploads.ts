/** Files that a person's program has put into this process for a message to come. They are in memory alone. */
import { createHash, randomBytes } from 'node:crypto'
import type { Clock } from '#shared/clock.ts'
import { ToolError } from '#shared/tool-error.ts'
import { MOST_UPLOAD_BYTES } from '#shared/worker-protocol.ts'

/** What is to come under a name. */
export interface ExpectedFile {
  readonly filename: string
  readonly mimeType: string
  /** Bytes. */
  readonly size: number
}

/** A file that has come. */
export interface UploadedFile extends ExpectedFile {
  readonly content: Buffer
}

interface Slot {
  readonly expected: ExpectedFile
  /** As `Clock.monotonic`. */
  until: number
  isArriving: boolean
  content?: Buffer
  /** It is in a message that was composed, so it may give way. */
  isRead: boolean
}

/** Of all files at once, those that are to come included: what two large messages can carry. */
const MOST_BYTES = 2 * MOST_UPLOAD_BYTES
const MOST_SLOTS = 50
/** As long as the link under which it comes. */
const WAIT_MS = 10 * 60_000
const KEEP_MS = 30 * 60_000

/** One account's. No more memory is taken than `MOST_BYTES` and one chunk, whatever comes. */
export class Uploads {
  readonly #clock: Clock
  readonly #slots = new Map<string, Slot>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Makes a place for a file, and gives its name. Throws `too_large` when there is no room. */
  open(expected: ExpectedFile): string {
    if (expected.size > MOST_UPLOAD_BYTES)
      throw new ToolError(
        'too_large',
        `A file has ${MOST_UPLOAD_BYTES} bytes at most: Gmail delivers no larger messages.`
      )
    this.#makeRoom(expected.size)
    const uploadId = randomBytes(12).toString('base64url')
    const until = this.#clock.monotonic() + WAIT_MS
    this.#slots.set(uploadId, { expected, until, isArriving: false, isRead: false })
    return uploadId
  }

  /**
   * Takes the file that comes under a name, and gives its SHA-256; that again, when the same one comes again. Throws `not_found` when nothing
   * is expected there, `rate_limited` while one is arriving, `invalid_argument` when it has another size, or there is another one; then it may come again. What the stream throws is thrown.
   */
  async receive(uploadId: string, chunks: AsyncIterable<Uint8Array>): Promise<string> {
    const slot = this.#live(uploadId)
    if (!slot) throw unknown()
    if (slot.isArriving) throw arriving()
    if (slot.content) return sameAgain(slot.content, chunks)
    const { size } = slot.expected
    slot.isArriving = true
    try {
      const content = Buffer.allocUnsafeSlow(size)
      let arrived = 0
      for await (const chunk of chunks) {
        if (arrived + chunk.byteLength > size) throw wrongSize(size)
        content.set(chunk, arrived)
        arrived += chunk.byteLength
      }
      if (arrived !== size) throw wrongSize(size)
      slot.content = content
      slot.until = this.#clock.monotonic() + KEEP_MS
      return sha256(content)
    } finally {
      slot.isArriving = false
    }
  }

  /** A file that has come. Throws `not_found` for any other name. */
  read(uploadId: string): UploadedFile {
    const slot = this.#live(uploadId)
    if (!slot) throw unknown()
    if (!slot.content)
      throw new ToolError('not_found', `Nothing was put at the address of upload ${uploadId} yet.`)
    slot.isRead = true
    return { ...slot.expected, content: slot.content }
  }

  #live(uploadId: string): Slot | undefined {
    const slot = this.#slots.get(uploadId)
    return slot && slot.until > this.#clock.monotonic() ? slot : undefined
  }

  /** What is too old goes first, then what was read, the oldest before others. */
  #makeRoom(size: number): void {
    for (const id of this.#slots.keys()) if (!this.#live(id)) this.#drop(id)
    for (const [id, { isRead }] of this.#slots) {
      if (this.#hasRoom(size)) return
      if (isRead) this.#drop(id)
    }
    if (this.#hasRoom(size)) return
    const most =
      this.#slots.size < MOST_SLOTS ? `have ${MOST_BYTES} bytes in all` : `be ${MOST_SLOTS} at once`
    throw new ToolError(
      'too_large',
      `Uploads that no message was made with yet may ${most}. Make one with them first, or wait half an hour, until they are forgotten.`
    )
  }

  #drop(id: string): void {
    if (!this.#slots.get(id)?.isArriving) this.#slots.delete(id)
  }

  #hasRoom(size: number): boolean {
    let bytes = size
    for (const { expected } of this.#slots.values()) bytes += expected.size
    return bytes <= MOST_BYTES && this.#slots.size < MOST_SLOTS
  }
}

/** Its sender may not have heard that it came. */
async function sameAgain(content: Buffer, chunks: AsyncIterable<Uint8Array>): Promise<string> {
  let at = 0
  for await (const chunk of chunks) {
    const known = content.subarray(at, at + chunk.byteLength)
    if (!known.equals(chunk)) throw another()
    at += chunk.byteLength
  }
  if (at !== content.length) throw another()
  return sha256(content)
}

const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex')

const another = (): ToolError =>
  new ToolError('invalid_argument', 'Another file came here before, and is kept.')

const wrongSize = (size: number): ToolError =>
  new ToolError('invalid_argument', `The file is not of the ${size} bytes that were announced.`)

const arriving = (): ToolError =>
  new ToolError('rate_limited', 'A file is arriving here just now. Try again.')

const unknown = (): ToolError =>
  new ToolError(
    'not_found',
    'There is no such upload: it is too old, or the server has restarted since. Make a new one with create_attachment_upload.'
  )
