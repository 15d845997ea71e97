import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { ResponseWriter } from './response-writer.ts'

/** The beginning of an answer, and where more comes from; undefined when that is all of it. */
export interface Beginning {
  readonly chunks: readonly Buffer[]
  readonly rest: Readable | undefined
}

/** Reads an answer until it ends or has more than `limit` bytes. Rejects when it breaks off before that. */
export function beginningOf(
  from: Readable,
  limit: number,
  passed: (bytes: number) => void
): Promise<Beginning> {
  const { promise, resolve, reject } = Promise.withResolvers<Beginning>()
  const chunks: Buffer[] = []
  let bytes = 0
  const take = (chunk: Buffer): void => {
    passed(chunk.byteLength)
    chunks.push(chunk)
    bytes += chunk.byteLength
    if (bytes <= limit) return
    from.off('data', take).pause()
    resolve({ chunks, rest: from })
  }
  from.on('data', take)
  from.once('end', () => resolve({ chunks, rest: undefined }))
  from.once('error', reject)
  from.once('close', () => {
    if (!from.readableEnded) reject(new Error('the answer broke off'))
  })
  return promise
}

/**
 * Passes a long answer on as it comes, as fast as its client takes it. When the worker is lost in the middle
 * the connection is broken off: whoever reads JSON must not take a part for the whole. Never rejects.
 */
export async function passLong(
  to: ServerResponse,
  outlet: ResponseWriter,
  { chunks, rest = Readable.from([]) }: Beginning,
  passed: (bytes: number) => void
): Promise<void> {
  const left = new Promise<void>((resolve) => void to.once('close', resolve))
  const pass = async (chunk: Buffer): Promise<void> => {
    if (!outlet.write(chunk)) await Promise.race([left, new Promise<void>(outlet.whenRoom)])
  }
  try {
    for (const chunk of chunks) await pass(chunk)
    for await (const chunk of rest) {
      if (to.destroyed) break // whoever left, the worker may stop
      passed(chunk.byteLength)
      await pass(chunk)
    }
    to.end()
  } catch {
    to.destroy()
  }
}
