import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

const POLL_MS = 20

/**
 * Rejects with EADDRINUSE when any program listens on the port, one that shares its port included: two
 * programs of one user that both open a port with SO_REUSEPORT would each get half of the other's clients.
 * `patienceMs` is for a program that has just died: its ports are free when the last of its threads is gone.
 */
export async function assertPortFree(
  host: string,
  port: number,
  patienceMs: number
): Promise<void> {
  const until = performance.now() + patienceMs
  for (;;) {
    try {
      await tryPort(host, port)
      return
    } catch (error) {
      if (performance.now() >= until) throw error
      await pause(POLL_MS)
    }
  }
}

async function tryPort(host: string, port: number): Promise<void> {
  const server = createServer().listen({ host, port, exclusive: true })
  await once(server, 'listening')
  server.close()
  await once(server, 'close')
}
