import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { ResponseWriter } from './response-writer.ts'
import type { ResumableAnswer } from './resumable-answer.ts'
import { EventCutter } from './sse-framing.ts'

/** How a relayed stream came to its end. */
export type RelayEnd = 'complete' | 'client-left' | 'worker-lost'

/**
 * Ends an event of which a part was sent already, under a type that no MCP client knows: of several types
 * the last one counts (WHATWG HTML §9.2.6), so clients drop it, and can be told something else after it.
 */
const CUT = '\nevent: cut\n\n'

/**
 * Copies a worker's event stream to the client, short events whole and long ones as they come, and lets the
 * worker wait while `outlet` has no room. Resolves, never rejects; on `worker-lost` the response is still
 * open between two events, so that the caller can say why. Where the answer is `kept`, a client that left ends nothing,
 * as long as it can be.
 */
export async function relay(
  from: Readable,
  to: ServerResponse,
  outlet: ResponseWriter,
  passed: (bytes: number) => void,
  kept?: ResumableAnswer
): Promise<RelayEnd> {
  const { promise, resolve } = Promise.withResolvers<RelayEnd>()
  const events = new EventCutter()
  const more = (): void => void from.resume()
  let isLeft = false
  const left = (): void => {
    isLeft = true
    if (!kept || kept.isLost) resolve('client-left')
    else more()
  }
  to.once('close', left)
  if (to.destroyed) left()
  from.on('data', (chunk: Buffer) => {
    passed(chunk.byteLength)
    const goesOn = events.isInside
    const ready = events.push(chunk)
    if (!ready) return
    kept?.add(ready, goesOn)
    if (isLeft) {
      if (kept?.isLost) resolve('client-left')
      return
    }
    if (outlet.write(ready)) return
    from.pause()
    outlet.whenRoom(more)
  })
  from.once('end', () => resolve('complete'))
  from.once('error', () => resolve('worker-lost'))
  from.once('close', () => resolve('worker-lost')) // after `end` it changes nothing
  const end = await promise
  to.off('close', left)
  from.on('error', () => {}) // aborting it below is no news
  if (end === 'client-left') from.destroy()
  if (end === 'worker-lost' && events.isInside && !to.destroyed) to.write(CUT)
  return end
}
