import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { FastifyInstance } from 'fastify'

const CALLBACK_PATH = '/oauth2callback'

/**
 * Listens on further ports for Google's redirect alone, for deployments that map such a port to the
 * outside. What Google is told as the address still follows from PUBLIC_URL. The returned function closes
 * them and may be called more than once. Rejects when a port cannot be had; nothing listens then.
 */
export async function openCallbackPorts(
  app: FastifyInstance,
  host: string,
  ports: readonly number[]
): Promise<() => Promise<void>> {
  await app.ready()
  const servers: Server[] = []
  const closeAll = async (): Promise<void> => {
    await Promise.all(servers.splice(0).map(close))
  }
  try {
    for (const port of ports) servers.push(await listen(app, host, port))
  } catch (error) {
    await closeAll()
    throw error
  }
  return closeAll
}

async function listen(app: FastifyInstance, host: string, port: number): Promise<Server> {
  const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    if (pathname === CALLBACK_PATH && request.method === 'GET') app.routing(request, response)
    else response.writeHead(404).end()
  })
  server.listen({ port, host, reusePort: process.platform === 'linux' })
  await once(server, 'listening')
  return server
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}
