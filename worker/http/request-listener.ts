import type { IncomingMessage, ServerResponse } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import type { AuthInfo } from '@modelcontextprotocol/server'
import { ACCESS_LEVELS, type AccessLevel, covers } from '#shared/access-levels.ts'
import {
  ANSWER_FORM_HEADER,
  PRINCIPAL_HEADER,
  Principal,
  REQUEST_ID_HEADER,
  SHOWN_ID_HEADER,
  TRACED_HEADER,
  UNREAD_HEADER
} from '#shared/internal-headers.ts'
import { MOST_NAME, type RpcCall } from '#shared/rpc-calls.ts'
import type { FromWorker } from '#shared/worker-protocol.ts'
import type { Endpoint } from '../mcp/endpoint.ts'
import { inServiceOf, type ServedRequest } from '../process/served-request.ts'
import { type FetchAttachment, serveAttachment } from './attachment-response.ts'
import type { Serve } from './connections.ts'
import { type ReceiveUpload, serveUpload } from './receive-upload.ts'

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
 * classes: those are registered for finalisation, which keeps each until the next full collection. The
 * usual requests of a session need neither.
 */
export function answerRequests(parts: RequestParts): Serve {
  const { serving, tell } = parts
  const authOf = createAuthOf(parts.resourceMetadataUrl)
  const listener = getRequestListener(
    async (request) => {
      const { endpoint, fetchAttachment, receiveUpload } = serving() ?? {}
      if (!endpoint) return new Response(null, { status: 503 })
      const { pathname } = new URL(request.url)
      if (fetchAttachment && pathname === '/attachment')
        return serveAttachment(request, fetchAttachment)
      if (receiveUpload && pathname === '/upload') return serveUpload(request, receiveUpload)
      const { headers } = request
      const served = servedBy((name) => headers.get(name) ?? undefined, tell)
      const onCall = headers.has(UNREAD_HEADER)
        ? (call: RpcCall) => tell({ type: 'call', request: served.exchange, ...withShortId(call) })
        : undefined
      const authInfo = authOf(headers.get(PRINCIPAL_HEADER) ?? undefined, served.exchange)
      return inServiceOf(served, () => endpoint.fetch(request, authInfo, onCall))
    },
    { errorHandler: () => new Response(null, { status: 500 }) }
  )

  const serveDirectly = async (
    { headers }: IncomingMessage,
    to: ServerResponse,
    raw: Buffer
  ): Promise<boolean> => {
    const { endpoint } = serving() ?? {}
    const body = jsonIn(raw)
    const header = (name: string): string | undefined => {
      const value = headers[name]
      return typeof value === 'string' ? value : undefined
    }
    const sessionId = header('mcp-session-id')
    if (!endpoint || body === undefined || sessionId === undefined) return false
    const served = servedBy(header, tell)
    const authInfo = authOf(header(PRINCIPAL_HEADER), served.exchange)
    const version = header('mcp-protocol-version')
    return inServiceOf(served, () =>
      endpoint.serveDirectly(body, { sessionId, version, authInfo, to })
    )
  }

  return async (request: WithRawBody, response) => {
    if (mayBePlain(request)) {
      const raw = await bodyOf(request)
      if (!raw) return // its client has left
      try {
        if (await serveDirectly(request, response, raw)) return
      } catch {
        response.writeHead(500).end()
        return
      }
      request.rawBody = raw
    }
    await listener(request, response)
  }
}

/** A body that was read already is where @hono/node-server looks for it. */
type WithRawBody = IncomingMessage & { rawBody?: Buffer }

const servedBy = (
  header: (name: string) => string | undefined,
  tell: RequestParts['tell']
): ServedRequest => ({
  exchange: header(REQUEST_ID_HEADER) ?? '',
  shownId: header(SHOWN_ID_HEADER),
  isTraced: header(TRACED_HEADER) !== undefined,
  tell
})

const IS_JSON = /^application\/json\s*(;|$)/i

/** Whether it is one of a session whose body is small and whose client takes both forms of an answer. */
const mayBePlain = ({ method, url, headers }: IncomingMessage): boolean =>
  method === 'POST' &&
  url === '/mcp' &&
  headers['mcp-session-id'] !== undefined &&
  headers[UNREAD_HEADER] === undefined &&
  headers[ANSWER_FORM_HEADER] === undefined &&
  takesBothForms(headers.accept) &&
  IS_JSON.test(headers['content-type'] ?? '')

/** As the SDK's transport looks at it: it refuses who does not name both. */
const takesBothForms = (accept = ''): boolean =>
  accept.includes('application/json') && accept.includes('text/event-stream')

/** Undefined when its client leaves before all of it has come. */
function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const { promise, resolve } = Promise.withResolvers<Buffer | undefined>()
  const chunks: Buffer[] = []
  request
    .on('data', (chunk: Buffer) => chunks.push(chunk))
    .once('end', () => resolve(Buffer.concat(chunks)))
    .once('error', () => resolve(undefined))
    .once('close', () => resolve(undefined)) // after `end` it changes nothing
  return promise
}

function jsonIn(raw: Buffer): unknown {
  try {
    return JSON.parse(raw.toString('utf8'))
  } catch {
    return undefined
  }
}

/** The gateway takes no ids that are longer than names. */
const withShortId = ({ rpcId, ...call }: RpcCall) => ({
  ...call,
  rpcId: typeof rpcId === 'string' && rpcId.length > MOST_NAME ? null : rpcId
})

/**
 * The verified claims of the caller's token; a link to an attachment has none. The token itself never
 * reaches a worker.
 */
function createAuthOf(resourceMetadataUrl: string) {
  let last:
    | {
        readonly text: string
        readonly claims: Omit<AuthInfo, 'extra'>
        readonly extra: Pick<Principal, 'credential' | 'mailboxes'>
      }
    | undefined
  return (text: string | undefined, request: string): AuthInfo | undefined => {
    if (text === undefined) return undefined
    if (last?.text !== text) {
      const { clientId, credential, level, expiresAt, mailboxes } = Principal.parse(
        JSON.parse(text)
      )
      const scopes = levelsUpTo(level)
      last = {
        text,
        extra: { credential, ...(mailboxes && { mailboxes }) },
        claims: { token: '', clientId, scopes, expiresAt, resourceMetadataUrl }
      }
    }
    return {
      ...last.claims,
      scopes: [...last.claims.scopes],
      extra: { ...last.extra, request }
    }
  }
}

const levelsUpTo = (held: AccessLevel | undefined): AccessLevel[] =>
  ACCESS_LEVELS.filter((level) => held && covers(held, level))
