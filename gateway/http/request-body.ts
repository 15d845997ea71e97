import type { Readable } from 'node:stream'
import { byteLimit } from './byte-limit.ts'

/** A body of this size comes with its headers or hardly later, and is one write to the worker when whole. */
const WHOLE_BYTES = 16 * 1024

/**
 * Gives a request's body to `send`: whole when its length says that it is small, as a stream that fails with
 * ERR_BODY_TOO_LARGE otherwise. `failed` hears of a small body that does not arrive.
 */
export function takeBody(
  from: Readable,
  { length, limit, passed }: { length: number; limit: number; passed: (bytes: number) => void },
  send: (body: Buffer | Readable) => void,
  failed: (error: Error) => void
): void {
  if (length <= WHOLE_BYTES && length <= limit) {
    readWhole(from, passed, send, failed)
    return
  }
  const body = byteLimit(limit, passed)
  from.once('error', (error) => body.destroy(error)).pipe(body)
  send(body)
}

function readWhole(
  from: Readable,
  passed: (bytes: number) => void,
  send: (body: Buffer) => void,
  failed: (error: Error) => void
): void {
  const chunks: Buffer[] = []
  from.on('data', (chunk: Buffer) => {
    passed(chunk.byteLength)
    chunks.push(chunk)
  })
  from.once('error', failed)
  from.once('end', () => send(Buffer.concat(chunks)))
}
