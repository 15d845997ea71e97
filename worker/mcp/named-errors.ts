import type { JSONRPCMessage, McpServer } from '@modelcontextprotocol/server'
import { type ServedRequest, servedRequest } from '../process/served-request.ts'

/** JSON-RPC 2.0 §5.1: the server's own fault; every other code says what is wrong with the request. */
const INTERNAL_ERROR = -32603

/**
 * Lets every JSON-RPC error of a server say which request it answers, by the name that operators can look for, and
 * tells the gateway of it. Results, also those of tools that failed, pass as they are.
 */
export function withNamedErrors(server: McpServer): McpServer {
  const { server: protocol } = server
  const connect = protocol.connect.bind(protocol)
  protocol.connect = (transport) => {
    const send = transport.send.bind(transport)
    transport.send = (message, options) => send(named(message), options)
    return connect(transport)
  }
  return server
}

function named(message: JSONRPCMessage): JSONRPCMessage {
  const request = servedRequest()
  if (!('error' in message) || !request) return message
  tellOfError(request, message.error.code)
  return { ...message, error: withName(message.error, request) }
}

/** The error with the request's name in its `data`. */
export function withName<E extends object>(
  error: E & { readonly data?: unknown },
  request: Pick<ServedRequest, 'shownId'> | undefined
): E {
  if (request?.shownId === undefined) return error
  const { data } = error
  const kept =
    typeof data === 'object' && data !== null ? data : data !== undefined && { detail: data }
  return { ...error, data: { ...kept, requestId: request.shownId } }
}

/** A call was answered with this JSON-RPC error. */
export function tellOfError({ exchange, tell }: ServedRequest, code: number): void {
  const fault = code === INTERNAL_ERROR ? 'server' : 'client'
  tell({ type: 'call-ended', request: exchange, ms: 0, gmail: [], fault, code: String(code) })
}
