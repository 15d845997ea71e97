import type { FastifyReply, FastifyRequest } from 'fastify'
import { jsonRpcIdOf } from './json-rpc-id.ts'
import { authorityOf } from './normalize-request.ts'

export interface EdgeRules {
  /** Host header values that are ours, e.g. `mail.example.com` or `localhost:3006`. Lower case. */
  readonly hosts: ReadonlySet<string>
  /** Origins of web pages that may call `/mcp`. */
  readonly origins: ReadonlySet<string>
}

/**
 * Turns away what a browser was tricked into sending: a Host that is not ours (DNS rebinding) and, for
 * `/mcp`, an Origin that is not allowed (MCP 2025-11-25, Streamable HTTP, "Security Warning").
 */
export function edge(rules: EdgeRules) {
  return {
    async host(request: FastifyRequest, reply: FastifyReply): Promise<void> {
      const names = hostsIn(request.raw.rawHeaders)
      const host = authorityOf(request.originalUrl) ?? names[0] ?? ''
      if (names.length > 1) await refuse(reply, 400, 'Send one Host header.')
      else if (!rules.hosts.has(host))
        await refuse(
          reply,
          403,
          'This host name is not served here; see PUBLIC_URL and ALLOWED_HOSTS.'
        )
    },
    async origin(request: FastifyRequest, reply: FastifyReply): Promise<void> {
      const { origin } = request.headers
      if (origin !== undefined && !rules.origins.has(origin))
        await refuse(reply, 403, 'Pages of this origin may not call here; see ALLOWED_ORIGINS.')
    }
  }
}

/** Node keeps only the first of several Host headers, so the raw list is what counts. */
function hostsIn(rawHeaders: readonly string[]): string[] {
  return rawHeaders
    .filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === 'host')
    .map((host) => host.toLowerCase())
}

async function refuse(reply: FastifyReply, status: number, message: string): Promise<void> {
  const id = await jsonRpcIdOf(reply.request)
  const data = { requestId: reply.request.id }
  await reply.code(status).send({ jsonrpc: '2.0', id, error: { code: -32000, message, data } })
}
