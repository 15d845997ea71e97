import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { Outlet } from './outlet.ts'

/** The beginning of an answer, and what still comes; undefined when that is all of it. */
export interface Beginning {
  readonly chunks: readonly Buffer[]
  readonly rest: AsyncGenerator<Buffer> | undefined
}

/** Reads an answer until it ends or has more than `limit` bytes. Rejects when it breaks off before that. */
export async function beginningOf(
  from: Readable,
  limit: number,
  passed: (bytes: number) => void
): Promise<Beginning> {
  const rest = counted(from, passed)
  const chunks: Buffer[] = []
  for (let bytes = 0; bytes <= limit; ) {
    const { done, value } = await rest.next()
    if (done) return { chunks, rest: undefined }
    chunks.push(value)
    bytes += value.byteLength
  }
  return { chunks, rest }
}

/**
 * Passes a long answer on as it comes, as fast as its client takes it. When the worker is lost in the middle
 * the connection is broken off: whoever reads JSON must not take a part for the whole. Never rejects.
 */
export async function passLong(
  to: ServerResponse,
  outlet: Outlet,
  { chunks, rest }: Beginning
): Promise<void> {
  const left = new Promise<void>((resolve) => void to.once('close', resolve))
  const pass = async (chunk: Buffer): Promise<void> => {
    if (!outlet.write(chunk)) await Promise.race([left, new Promise<void>(outlet.whenRoom)])
  }
  try {
    for (const chunk of chunks) await pass(chunk)
    for (;;) {
      const next = await rest?.next()
      if (!next || next.done || to.destroyed) break
      await pass(next.value)
    }
    await rest?.return(undefined) // whoever left, the worker may stop
    to.end()
  } catch {
    to.destroy()
  }
}

async function* counted(from: Readable, passed: (bytes: number) => void): AsyncGenerator<Buffer> {
  for await (const chunk of from) {
    passed(chunk.byteLength)
    yield chunk
  }
}
