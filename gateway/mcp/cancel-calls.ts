import type { GatewayError } from '#shared/errors.ts'
import type { Exchange } from '../relay/exchange.ts'
import { discard } from './open-session-stream.ts'
import { connectionsTo } from './worker-connections.ts'
import { headersToWorker } from './worker-headers.ts'

/**
 * Ends an exchange from outside, and what its worker does for it: a request that stands alone is cancelled by
 * its connection, one of a session by a notification (MCP 2025-11-25, Cancellation).
 */
export function cancelCalls(exchange: Exchange, why: GatewayError): void {
  const { session, worker, caller, calls } = exchange
  exchange.abort.abort(why)
  const id = exchange.reply.request.headers['mcp-session-id']
  if (!session || typeof id !== 'string') return
  for (const { rpcId } of calls) {
    const headers = { 'content-type': 'application/json', 'mcp-session-id': id }
    const params = { requestId: rpcId, reason: why.message }
    connectionsTo(worker)
      .request({
        method: 'POST',
        path: '/mcp',
        headers: headersToWorker(headers, { id: '', caller, requestId: exchange.requestId }),
        body: JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params })
      })
      .then(
        ({ body }) => discard(body),
        () => {} // the worker is gone, and its calls with it
      )
  }
}
