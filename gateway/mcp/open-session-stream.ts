import type { Readable } from 'node:stream'
import type { SessionId } from '#shared/ids.ts'
import type { Caller } from '../accounts/bearer-tokens.ts'
import type { RunningWorker } from '../supervisor/supervisor.ts'
import { connectionsTo } from './worker-connections.ts'
import { headersToWorker } from './worker-headers.ts'

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
    { id: '', caller }
  )
  const response = await connectionsTo(worker).request({ method: 'GET', path: '/mcp', headers })
  if (response.statusCode === 200) return response.body
  discard(response.body)
  return undefined
}
