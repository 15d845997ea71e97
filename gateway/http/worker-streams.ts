import type { Readable } from 'node:stream'
import type { SessionId } from '#shared/ids.ts'
import type { Caller } from '../oauth/bearer.ts'
import type { RunningWorker } from '../supervisor/supervisor.ts'
import { headersToWorker } from './worker-headers.ts'
import { poolOf } from './worker-pools.ts'

/** A stream that its worker has not let go of yet is refused with 409; that takes a moment, no more. */
const CONFLICT_TRIES = 20
const CONFLICT_PAUSE_MS = 25

/** Lets go of a worker's answer that nobody will read. That it is cut off is no news. */
export function discard(body: Readable): void {
  body.on('error', () => {}).destroy()
}

/** Opens the GET stream of a legacy session at its worker; undefined when the worker refuses. */
export async function openSessionStream(
  worker: RunningWorker,
  caller: Caller,
  id: SessionId
): Promise<Readable | undefined> {
  const headers = headersToWorker(
    { accept: 'text/event-stream', 'mcp-session-id': id },
    { id: '', caller, worker }
  )
  for (let tries = 0; tries < CONFLICT_TRIES; tries += 1) {
    const response = await poolOf(worker).request({ method: 'GET', path: '/mcp', headers })
    if (response.statusCode === 200) return response.body
    discard(response.body)
    if (response.statusCode !== 409) return undefined
    await new Promise((resolve) => setTimeout(resolve, CONFLICT_PAUSE_MS))
  }
  return undefined
}
