import type { ServerResponse } from 'node:http'
import type { NodeServerResponseLike } from '@modelcontextprotocol/node'
import { gatherWrites } from '#shared/gather-writes.ts'

/**
 * A response whose event stream begins at once. The SDK's adapter would leave the headers unsent until the
 * first event, which on a silent stream is the keep-alive after 15 s. Other answers still go out in one piece.
 */
export function promptResponse(response: ServerResponse): NodeServerResponseLike {
  return {
    writeHead(status, headers) {
      response.writeHead(status, headers)
      if (!headers?.['content-type']?.startsWith('text/event-stream')) return
      gatherWrites(response.socket)
      response.flushHeaders()
    },
    write: (chunk) => response.write(chunk),
    end: (chunk) => response.end(chunk),
    on: (event, listener) => response.on(event, listener),
    get destroyed() {
      return response.destroyed
    }
  }
}
