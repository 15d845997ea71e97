import type { IncomingMessage } from 'node:http'
import { isJson } from './media-types.ts'

/** `http://host:port/path`, as clients of proxies send it; servers MUST take it (RFC 9112 §3.2.2). */
const ABSOLUTE = /^https?:\/\/([^/?#]+)([^#]*)/i

/** The same document by an address that was made from one with a slash (RFC 9728 §3.1). */
const METADATA_WITH_SLASH = /^(\/\.well-known\/[\w/-]+)\/(?=\?|$)/

/** Other addresses under which people have `/mcp` in their settings; the old transport's own GET apart. */
const SAME_AS_MCP = /^\/(mcp\/|sse\/?)(?=\?|$)/

/**
 * The path that a request is for. A request target in absolute form gives its path, and the addresses that
 * mean `/mcp` are that. `hasSse`: whether `GET /sse` opens the transport of 2024-11-05.
 */
export function pathFor(
  { url = '/', method, headers }: Pick<IncomingMessage, 'url' | 'method' | 'headers'>,
  hasSse: boolean
): string {
  if (url === '/mcp') return url
  const [, , rest] = ABSOLUTE.exec(url) ?? []
  const path = rest === undefined ? url : rest.startsWith('/') ? rest : `/${rest}`
  const opensSse = hasSse && method === 'GET' && !headers['mcp-session-id']
  if (opensSse && path.startsWith('/sse')) return path.replace(/^\/sse\//, '/sse')
  return path.replace(SAME_AS_MCP, '/mcp').replace(METADATA_WITH_SLASH, '$1')
}

/** The name of the endpoint by which a client has reached it, as its resource metadata has it. */
export const nameOf = (target: string): '/mcp' | '/sse' =>
  /^(?:https?:\/\/[^/]+)?\/(?:sse|messages)\b/i.test(target) ? '/sse' : '/mcp'

/** The host that a request is for; that of an absolute target counts, whatever `Host` says (RFC 9112 §3.2.2). */
export const authorityOf = (target: string | undefined): string | undefined =>
  ABSOLUTE.exec(target ?? '')?.[1]?.toLowerCase()

/**
 * Tidies what clients send in more than one way: an empty field is none, and a content type that came twice is
 * one.
 */
export function tidyHeaders({ headers }: Pick<IncomingMessage, 'headers'>): void {
  for (const name of ['mcp-session-id', 'mcp-protocol-version'])
    if (headers[name] === '') delete headers[name]
  const type = headers['content-type']
  if (type?.includes(',') && isJson(type)) headers['content-type'] = 'application/json'
}
