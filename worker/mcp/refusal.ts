import type { McpHandlerRequestOptions } from '@modelcontextprotocol/server'
import * as z from 'zod'
import { ACCESS_LEVELS, highestLevel } from '#shared/access-levels.ts'

const Refusal = z.object({ error: z.literal('insufficient_scope'), error_description: z.string() })

/** Between the codes that MCP gives a meaning to (-32002, -32042) and those that it keeps for itself. */
const FORBIDDEN = -32003

/**
 * A refusal for want of access as JSON-RPC too: the SDK answers as OAuth does (RFC 6750 §3.1), and many clients show the
 * body alone. Every other response is given back as it is.
 */
export async function withRpcRefusal(
  response: Response,
  authInfo: McpHandlerRequestOptions['authInfo']
): Promise<Response> {
  const challenge = response.headers.get('www-authenticate')
  if (response.status !== 403 || challenge === null) return response
  const { error_description: message } = Refusal.parse(await response.json())
  const required = ACCESS_LEVELS.filter((level) => scopeIn(challenge).includes(level))
  const held = highestLevel(authInfo?.scopes ?? [])
  const error = {
    code: FORBIDDEN,
    message: `insufficient_scope: ${message}`,
    data: { code: 'scope_insufficient', required, held: held ?? null }
  }
  const headers = { 'www-authenticate': challenge }
  return Response.json({ jsonrpc: '2.0', id: null, error }, { status: 403, headers })
}

const scopeIn = (challenge: string): string[] =>
  /\bscope="([^"]*)"/.exec(challenge)?.[1]?.split(' ') ?? []
