import { getRequestListener } from '@hono/node-server'
import type { AuthInfo } from '@modelcontextprotocol/server'
import { ACCESS_LEVELS, type AccessLevel, covers } from '#shared/access-levels.ts'
import type { FromWorker } from '#shared/channel.ts'
import {
  PRINCIPAL_HEADER,
  Principal,
  REQUEST_ID_HEADER,
  SHOWN_ID_HEADER,
  TRACED_HEADER
} from '#shared/worker-http.ts'
import { type FetchAttachment, serveAttachment } from './attachments.ts'
import type { Serve } from './connections.ts'
import type { Call, Endpoint } from './mcp/endpoint.ts'
import { inServiceOf } from './served-request.ts'
import { type ReceiveUpload, serveUpload } from './uploads.ts'

export interface RequestParts {
  readonly resourceMetadataUrl: string
  /** What serves now; undefined before the worker knows whose it is, and when it is about to end. */
  readonly serving: () =>
    | {
        readonly endpoint: Endpoint
        readonly fetchAttachment: FetchAttachment | undefined
        readonly receiveUpload: ReceiveUpload | undefined
      }
    | undefined
  readonly tell: (message: FromWorker) => void
}

/**
 * Answers what comes from the gateway. Its requests and responses are light stand-ins for the global
 * classes: those are registered for finalisation, which keeps each until the next full collection.
 */
export function answerRequests({ resourceMetadataUrl, serving, tell }: RequestParts): Serve {
  return getRequestListener(
    async (request) => {
      const { endpoint, fetchAttachment, receiveUpload } = serving() ?? {}
      if (!endpoint) return new Response(null, { status: 503 })
      const { pathname } = new URL(request.url)
      if (fetchAttachment && pathname === '/attachment')
        return serveAttachment(request, fetchAttachment)
      if (receiveUpload && pathname === '/upload') return serveUpload(request, receiveUpload)
      const id = request.headers.get(REQUEST_ID_HEADER) ?? ''
      const served = {
        exchange: id,
        shownId: request.headers.get(SHOWN_ID_HEADER) ?? undefined,
        isTraced: request.headers.has(TRACED_HEADER),
        tell
      }
      return inServiceOf(served, () =>
        endpoint.fetch(request, authOf(request, resourceMetadataUrl), (call) =>
          tell({ type: 'call', request: id, ...cut(call) })
        )
      )
    },
    { errorHandler: () => new Response(null, { status: 500 }) }
  )
}

/** A client may use any names; the gateway takes no more than it needs. */
const cut = ({ rpcId, method, tool }: Call) => ({
  rpcId: typeof rpcId === 'string' && rpcId.length > MOST_CHARACTERS ? null : rpcId,
  method: method.slice(0, MOST_CHARACTERS),
  tool: tool?.slice(0, MOST_CHARACTERS)
})

const MOST_CHARACTERS = 1000

/**
 * The verified claims of the caller's token; a link to an attachment has none. The token itself never
 * reaches a worker.
 */
function authOf({ headers }: Request, resourceMetadataUrl: string): AuthInfo | undefined {
  const header = headers.get(PRINCIPAL_HEADER)
  if (header === null) return undefined
  const { clientId, credential, level, expiresAt } = Principal.parse(JSON.parse(header))
  const extra = { credential, request: headers.get(REQUEST_ID_HEADER) ?? '' }
  return { token: '', clientId, scopes: levelsUpTo(level), expiresAt, resourceMetadataUrl, extra }
}

const levelsUpTo = (held: AccessLevel | undefined): AccessLevel[] =>
  ACCESS_LEVELS.filter((level) => held && covers(held, level))
