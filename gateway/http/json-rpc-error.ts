import type { FastifyReply, FastifyRequest } from 'fastify'
import { type ErrorCode, GatewayError } from '#shared/errors.ts'

/** A JSON-RPC 2.0 error response. `data.code` is ours and stable; `code` is JSON-RPC's. */
export interface RpcError {
  readonly jsonrpc: '2.0'
  readonly id: string | number | null
  readonly error: {
    readonly code: number
    readonly message: string
    readonly data: { readonly code: string; readonly requestId?: string }
  }
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The code of the error that the gateway answers with; null when it does not. */
    failure: ErrorCode | 'ERR_INTERNAL' | null
  }
}

/** Remembers for the log what this request is answered with. The first reason stays. */
export function noteFailure(request: Pick<FastifyRequest, 'failure'>, error: unknown): void {
  request.failure ??= error instanceof GatewayError ? error.code : 'ERR_INTERNAL'
}

/** MCP 2025-11-25 clients know -32001 as "session not found"; the rest are internal errors (JSON-RPC §5.1). */
const SESSION_NOT_FOUND = -32001
const INTERNAL_ERROR = -32603

/** The error as a client may see it. Anything but a GatewayError is told as an internal error. */
export function rpcErrorOf(
  error: unknown,
  id: string | number | null,
  requestId: string | undefined
): RpcError {
  const known = error instanceof GatewayError ? error : undefined
  return {
    jsonrpc: '2.0',
    id,
    error: {
      code: known?.code === 'ERR_SESSION_UNKNOWN' ? SESSION_NOT_FOUND : INTERNAL_ERROR,
      message: known?.message ?? 'The gateway failed to serve this request.',
      data: {
        code: known?.code ?? 'ERR_INTERNAL',
        ...(requestId !== undefined && { requestId })
      }
    }
  }
}

/** The error as an event of a stream, with an id if it has one. */
export const errorEvent = (error: RpcError, eventId?: string): string =>
  `event: message\n${eventId === undefined ? '' : `id: ${eventId}\n`}data: ${JSON.stringify(error)}\n\n`

/** The one way in which `/mcp` answers with an error of the gateway's own. Does nothing once headers went out. */
export function sendRpcError(
  reply: FastifyReply,
  error: unknown,
  id: string | number | null = null
): FastifyReply {
  if (reply.sent || reply.raw.headersSent || reply.raw.destroyed) return reply
  const statusCode = statusOf(error)
  noteFailure(reply.request, error)
  if (error instanceof GatewayError && error.retryAfter !== undefined)
    reply.header('retry-after', String(Math.ceil(error.retryAfter)))
  return reply
    .code(statusCode)
    .type('application/json')
    .send(rpcErrorOf(error, id, reply.request.id))
}

function statusOf(error: unknown): number {
  if (error instanceof GatewayError) return error.statusCode
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  return typeof status === 'number' && status >= 400 && status < 500 ? status : 500
}
