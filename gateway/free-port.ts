import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Rejects with EADDRINUSE when any program listens on the port, one that shares its port included: two
 * programs of one user that both open a port with SO_REUSEPORT would each get half of the other's clients.
 */
export async function assertFree(host: string, port: number): Promise<void> {
  const server = createServer().listen({ host, port, exclusive: true })
  await once(server, 'listening')
  server.close()
  await once(server, 'close')
}
