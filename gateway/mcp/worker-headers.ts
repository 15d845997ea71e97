import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyRequest } from 'fastify'
import {
  ANSWER_FORM_HEADER,
  PRINCIPAL_HEADER,
  type Principal,
  REQUEST_ID_HEADER,
  SHOWN_ID_HEADER,
  TRACED_HEADER,
  UNREAD_HEADER
} from '#shared/internal-headers.ts'
import { formsTaken } from '../http/media-types.ts'
import { isModern } from '../http/protocol-era.ts'
import type { Exchange } from '../relay/exchange.ts'

/** What a client may tell a worker. Never its token, its cookies, or a header that is ours. */
export const FROM_CLIENT = [
  'accept',
  'content-type',
  'content-length',
  'last-event-id',
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
  'mcp-session-id'
]
/** What a worker may tell a client. */
export const FROM_WORKER = [
  'allow',
  'cache-control',
  'content-type',
  'mcp-session-id',
  'retry-after',
  'www-authenticate',
  'x-accel-buffering'
]
const ANY_ACCEPTED = 'application/json, text/event-stream'

/** The request headers of an exchange as its worker sees them: rebuilt from an allow-list. */
export function headersToWorker(
  headers: IncomingHttpHeaders,
  exchange: Pick<Exchange, 'id' | 'caller'> &
    Partial<Pick<Exchange, 'requestId' | 'isTraced' | 'isRead' | 'guestId'>>
): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    const isAllowed = FROM_CLIENT.includes(name) || name.startsWith('mcp-param-')
    if (isAllowed && typeof value === 'string') kept[name] = value
  }
  // Its owner was not compared: a session id means nothing to a request that stands alone.
  if (isModern(headers)) delete kept['mcp-session-id']
  else if (exchange.guestId !== undefined) kept['mcp-session-id'] = exchange.guestId
  // The transport takes both types by name alone, so it gets them, and is told apart which one is wanted.
  const { json, stream } = formsTaken(headers.accept)
  kept.accept = ANY_ACCEPTED
  if (json !== stream) kept[ANSWER_FORM_HEADER] = json ? 'json' : 'stream'
  const { clientId, credential, level, expiresAt, several } = exchange.caller
  const mailboxes = several?.map(({ email }) => email)
  const principal: Principal = {
    ...{ clientId, credential, expiresAt },
    ...(level && { level }),
    ...(mailboxes && { mailboxes })
  }
  return {
    ...kept,
    host: 'localhost',
    [REQUEST_ID_HEADER]: exchange.id,
    ...(exchange.requestId !== undefined && { [SHOWN_ID_HEADER]: exchange.requestId }),
    ...(exchange.isTraced && { [TRACED_HEADER]: '1' }),
    ...(exchange.isRead === false && { [UNREAD_HEADER]: '1' }),
    [PRINCIPAL_HEADER]: JSON.stringify(principal)
  }
}

/** What a worker's answer may point its client to. */
export interface AnswerBounds {
  /** This server's own (RFC 9728). */
  readonly resourceMetadataUrl: string
  /** The session that the request named. */
  readonly sessionId: string | undefined
  /** The request was to begin one. */
  readonly isInitialize: boolean
}

/** Of the answer to this request. */
export const boundsOf = (
  { resourceMetadataUrl }: Pick<AnswerBounds, 'resourceMetadataUrl'>,
  { headers, peeked }: Pick<FastifyRequest, 'headers' | 'peeked'>
): AnswerBounds => {
  const { 'mcp-session-id': named } = headers
  const sessionId = typeof named === 'string' ? named : undefined
  return { resourceMetadataUrl, sessionId, isInitialize: peeked?.isInitialize === true }
}

/** A challenge as workers write it (RFC 6750, section 3): `Bearer` and quoted parameters, nothing else. */
const CHALLENGE = /^Bearer(?: [a-z_]+="[^"\\]*",?)+$/
const METADATA = / resource_metadata="([^"]*)"/g

/**
 * A worker's response headers as the client sees them. One that has fallen must not send its client to another place to
 * sign in, nor into another session.
 */
export function answerHeaders<T>(
  headers: Record<string, T>,
  { resourceMetadataUrl, sessionId, isInitialize }: AnswerBounds
): Record<string, T> {
  const isAllowed = ([name, value]: [string, T]): boolean => {
    if (name.toLowerCase() === 'mcp-session-id') return isInitialize || value === sessionId
    if (name.toLowerCase() !== 'www-authenticate') return true
    if (typeof value !== 'string' || !CHALLENGE.test(value)) return false
    return [...value.matchAll(METADATA)].every(([, url]) => url === resourceMetadataUrl)
  }
  return Object.fromEntries(Object.entries(headersToClient(headers)).filter(isAllowed))
}

/** The response headers of another gateway, or of a worker, as far as clients have a use for them. */
export function headersToClient<T>(headers: Record<string, T>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => FROM_WORKER.includes(name.toLowerCase()))
  )
}
