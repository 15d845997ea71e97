import { McpServer } from '@modelcontextprotocol/server'
import { asSessionId } from '#shared/ids.ts'
import { Sessions } from './sessions.ts'

const ID = asSessionId('rehearsal')
const INITIALIZE = {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'rehearsal', version: '1.0.0' }
}
const CALLS = [
  { method: 'tools/list' },
  { method: 'tools/call', params: { name: 'nothing', arguments: {} } }
]

/**
 * Plays a session of nobody's on a server of its own. What the SDK makes at its first message, most of all its
 * schemas, is then there before somebody waits for it. Rejects when a call is not answered with success.
 */
export async function warmUpMcp(): Promise<void> {
  const sessions = new Sessions(serverWithoutUse, { opened: async () => {}, abandoned() {} })
  await sessions.restore(ID, INITIALIZE)
  for (const [n, call] of CALLS.entries()) {
    const answer = await sessions.serve(
      ID,
      request(),
      { jsonrpc: '2.0', id: n, ...call },
      undefined
    )
    if (!(await answer?.text())?.includes('"result"')) throw new Error(`${call.method} failed`)
  }
  await sessions.close()
}

function serverWithoutUse(): McpServer {
  const server = new McpServer({ name: 'rehearsal', version: '1.0.0' })
  server.registerTool('nothing', {}, () => ({ content: [] }))
  return server
}

const request = (): Request =>
  new Request('http://localhost/mcp', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-session-id': ID
    }
  })
