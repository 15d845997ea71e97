import type { ServerResponse } from 'node:http'
import {
  createMcpHandler,
  isInitializeRequest,
  isJsonContentType,
  isLegacyRequest,
  legacyStatelessFallback,
  type McpHandlerRequestOptions,
  type McpServer
} from '@modelcontextprotocol/server'
import { asSessionId } from '#shared/ids.ts'
import { callsIn, type RpcCall } from '#shared/rpc-calls.ts'
import { InitializeParams } from '#shared/worker-protocol.ts'
import { servedRequest } from '../process/served-request.ts'
import { inForm } from './answer-form.ts'
import { tellOfError, withName, withNamedErrors } from './named-errors.ts'
import { isRpc, mistakeIn, tidyParams } from './params.ts'
import { plainRequest } from './plain-request.ts'
import { withRpcRefusal } from './refusal.ts'
import { type SessionRecord, SessionRefused, Sessions } from './sessions.ts'

type AuthInfo = McpHandlerRequestOptions['authInfo']

export interface Endpoint {
  /** Serves one HTTP request to `/mcp`. `onCall`, if anybody wants to know, hears of each JSON-RPC request before it is run. */
  fetch(request: Request, authInfo: AuthInfo, onCall?: (call: RpcCall) => void): Promise<Response>
  /**
   * Serves the body of a POST to `/mcp` if it is a plain request of a session whose client takes both forms of an answer.
   * False, and nothing is done, when it is not: then it is for `fetch`.
   */
  serveDirectly(body: unknown, request: DirectRequest): Promise<boolean>
  readonly sessions: Sessions
  /** Tells the clients of both eras that the list of tools is another one. */
  toolsChanged(): void
  close(): Promise<void>
}

export interface DirectRequest {
  readonly sessionId: string
  /** As its header says, if it does. */
  readonly version: string | undefined
  readonly authInfo: AuthInfo
  readonly to: ServerResponse
}

/**
 * One server definition for both protocol eras: 2026-07-28 requests stand alone, 2025 clients have sessions,
 * and 2025 clients that do not echo their session id are served request by request.
 */
export function createEndpoint(
  make: () => McpServer,
  record: SessionRecord,
  onError: (error: Error) => void
): Endpoint {
  const build = (): McpServer => withNamedErrors(make())
  const sessions = new Sessions(build, record)
  const modern = createMcpHandler(build, { legacy: 'reject', onerror: onError })
  const sessionless = legacyStatelessFallback(build, onError)

  const legacy = async (request: Request, body: unknown, authInfo: AuthInfo) => {
    if (isInitialize(body) && isInitializeRequest(body)) {
      const { data } = InitializeParams.safeParse(body.params)
      if (!data) return rpcError(400, -32602, 'The parameters of initialize are not valid.')
      return sessions
        .open(request, body, data, authInfo)
        .catch((refused: unknown) => answerRefusal(refused, onError))
    }
    const id = request.headers.get('mcp-session-id')
    if (id === null)
      return sessionless(request, { parsedBody: body, ...(authInfo && { authInfo }) })
    const served = await sessions.serve(asSessionId(id), request, body, authInfo)
    return served ?? rpcError(404, -32001, 'Session not found')
  }

  const serve = async (
    request: Request,
    body: unknown,
    id: string | number | undefined,
    authInfo: AuthInfo
  ): Promise<Response> => {
    if (!isRpc(body)) return rpcError(400, -32600, 'This is not a JSON-RPC 2.0 message.', id)
    const isOfSessions = await isLegacy(request, body)
    const mistake = mistakeIn(body, isOfSessions ? 'legacy' : 'modern')
    // A 2025 client takes an HTTP error for one of the transport, and does not show what it says.
    if (mistake !== undefined) return rpcError(isOfSessions ? 200 : 400, -32602, mistake, id)
    const response = isOfSessions
      ? await legacy(request, body, authInfo)
      : await modern.fetch(request, { parsedBody: body, ...(authInfo && { authInfo }) })
    return withRpcRefusal(response, authInfo)
  }

  return {
    sessions,
    async fetch(request, authInfo, onCall) {
      if (request.method === 'GET') return standaloneStream(sessions, request, authInfo)
      if (request.method !== 'POST') return rpcError(405, -32000, 'Method not allowed.')
      if (!isJsonContentType(request.headers.get('content-type')))
        return rpcError(415, -32000, 'Content-Type must be application/json.')
      const body = tidyParams(await readJson(request))
      if (body === undefined) return rpcError(400, -32700, 'Parse error: the body is not JSON.')
      const calls = callsIn(body)
      if (onCall) for (const call of calls) onCall(call)
      const [only, ...others] = calls
      const response = await serve(request, body, only?.rpcId, authInfo)
      return inForm(request, others.length > 0 ? response : await withNames(response, only?.rpcId))
    },
    async serveDirectly(body, { sessionId, ...others }) {
      const request = plainRequest(body)
      return request ? sessions.serveDirectly(asSessionId(sessionId), request, others) : false
    },
    toolsChanged() {
      sessions.toolsChanged()
      modern.notify.toolsChanged()
    },
    async close() {
      await Promise.all([sessions.close(), modern.close()])
    }
  }
}

/** The GET stream of a legacy session (2025-11-25, Streamable HTTP, "Listening for Messages"). */
async function standaloneStream(
  sessions: Sessions,
  request: Request,
  authInfo: AuthInfo
): Promise<Response> {
  const id = request.headers.get('mcp-session-id')
  if (id === null) return rpcError(405, -32000, 'Method not allowed.')
  const served = await sessions.serve(asSessionId(id), request, undefined, authInfo)
  return served ?? rpcError(404, -32001, 'Session not found')
}

/**
 * Whether a request is of a 2025 revision. One that names a session is, without a look at its body: the
 * gateway passes the header on for such requests alone. Of batches, an empty one is of no revision.
 */
const isLegacy = async (request: Request, body: unknown): Promise<boolean> =>
  (request.headers.has('mcp-session-id') && !Array.isArray(body)) || isLegacyRequest(request, body)

/** Cheaper than a look at the whole message, for all that is none. */
const isInitialize = (body: unknown): boolean =>
  typeof body === 'object' && body !== null && 'method' in body && body.method === 'initialize'

function rpcError(
  status: number,
  code: number,
  message: string,
  id: string | number | null = null
): Response {
  const request = servedRequest()
  // What is refused with an HTTP error, the gateway sees by itself.
  if (request && status === 200) tellOfError(request, code)
  const error = withName({ code, message }, request)
  return Response.json({ jsonrpc: '2.0', error, id }, { status })
}

/**
 * An error that names no request names the one that it is about (JSON-RPC 2.0 §5.1), if its id could be read, and all
 * of them say which HTTP request it was.
 */
async function withNames(response: Response, id: string | number | undefined): Promise<Response> {
  const { status, headers } = response
  if (!headers.get('content-type')?.startsWith('application/json')) return response
  if (status < 400) return response
  const body: unknown = await response.json()
  return Response.json(isRpcError(body) ? named(body, id) : body, { status, headers })
}

function named({ error, ...body }: RpcErrorBody, id: string | number | undefined): object {
  return {
    ...body,
    ...(body.id === null && id !== undefined && { id }),
    error: withName(error, servedRequest())
  }
}

interface RpcErrorBody {
  readonly id: unknown
  readonly error: object
}

const isRpcError = (body: unknown): body is RpcErrorBody =>
  typeof body === 'object' &&
  body !== null &&
  'id' in body &&
  'error' in body &&
  typeof body.error === 'object' &&
  body.error !== null

/** What a client cannot help is no fault of its request. */
function answerRefusal(refused: unknown, onError: (error: Error) => void): Response {
  const isOurs = refused instanceof SessionRefused
  if (refused instanceof Error && !isOurs) onError(refused)
  const { message, retryAfter } = isOurs ? refused : UNKNOWN_REFUSAL
  if (retryAfter === undefined) return rpcError(400, -32602, message)
  const response = rpcError(503, -32603, message)
  response.headers.set('retry-after', String(retryAfter))
  return response
}

const UNKNOWN_REFUSAL = { message: 'The session could not be opened; try again.', retryAfter: 1 }

async function readJson(request: Request): Promise<unknown> {
  try {
    return await request.json()
  } catch {
    return undefined
  }
}
