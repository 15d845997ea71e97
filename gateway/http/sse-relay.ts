import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { WholeEvents } from './whole-events.ts'

/** How a relayed stream came to its end. */
export type RelayEnd = 'complete' | 'client-left' | 'worker-lost'

/**
 * Copies a worker's event stream to the client event by event, and heeds backpressure. Resolves, never
 * rejects; on `worker-lost` the response is still open, so that the caller can say why.
 */
export async function relay(
  from: Readable,
  to: ServerResponse,
  passed: (bytes: number) => void
): Promise<RelayEnd> {
  const { promise, resolve } = Promise.withResolvers<RelayEnd>()
  const events = new WholeEvents()
  const more = (): void => void from.resume()
  const left = (): void => resolve('client-left')
  to.once('close', left)
  to.on('drain', more)
  if (to.destroyed) left()
  from.on('data', (chunk: Buffer) => {
    passed(chunk.byteLength)
    const whole = events.push(chunk)
    if (whole && !to.write(whole)) from.pause()
    if (events.isTooLong) from.destroy()
  })
  from.once('end', () => resolve('complete'))
  from.once('error', () => resolve('worker-lost'))
  from.once('close', () => resolve('worker-lost')) // after `end` it changes nothing
  const end = await promise
  to.off('drain', more)
  to.off('close', left)
  from.on('error', () => {}) // aborting it below is no news
  if (end === 'client-left') from.destroy()
  return end
}
