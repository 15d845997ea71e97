import type { FastifyInstance } from 'fastify'
import type { AccessLevel } from '#shared/access-levels.ts'
import { resourceOf } from './provider.ts'

export interface ProtectedResourceParts {
  readonly publicUrl: string
  /** The one level that clients are told of, so that they do not ask for everything. */
  readonly defaultLevel: AccessLevel
}

/**
 * The metadata of the `/mcp` resource (RFC 9728), under its own path and, for older clients, without; and under
 * its other name, `/sse`.
 */
export async function protectedResourceRoutes(
  scope: FastifyInstance,
  { publicUrl, defaultLevel }: ProtectedResourceParts
): Promise<void> {
  const metadata = {
    resource: resourceOf(publicUrl),
    authorization_servers: [publicUrl],
    scopes_supported: [defaultLevel],
    bearer_methods_supported: ['header'],
    resource_name: 'Gmail',
    resource_documentation: `${publicUrl}/account`
  }
  // Public, so every web page may read it, whatever the gateway's own rule for `/mcp` is.
  const open = { config: { cors: false } } as const
  for (const path of ['', '/mcp', '/sse']) {
    // A client compares the resource with the address that it was given (RFC 9728 §3.3).
    const resource = path === '/sse' ? `${publicUrl}/sse` : metadata.resource
    const address = `/.well-known/oauth-protected-resource${path}`
    scope.get(address, open, async (_request, reply) => {
      reply.headers({ 'access-control-allow-origin': '*', 'cache-control': 'max-age=300' })
      return { ...metadata, resource }
    })
    scope.options(address, open, (_request, reply) =>
      reply
        .headers({
          'access-control-allow-origin': '*',
          'access-control-allow-headers': 'mcp-protocol-version'
        })
        .code(204)
        .send()
    )
  }
}
