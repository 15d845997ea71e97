import type { Readable } from 'node:stream'

/** What a worker has to say in a sentence has not more. */
const MOST_BYTES = 64 * 1024

/** Reads a worker's short answer whole. Rejects when it is longer than any of ours, or breaks off. */
export async function shortBody(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.byteLength
    if (bytes > MOST_BYTES) throw new Error('The answer is too long.') // which lets go of the rest
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
