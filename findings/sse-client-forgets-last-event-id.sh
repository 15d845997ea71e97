#!/usr/bin/env bash
# The HTTP+SSE client of @modelcontextprotocol/sdk comes back after a break as if it were new.
#
# Expected: WHATWG HTML §9.2.3: an event source that reconnects sends Last-Event-ID with the id of the last event it
#   saw, so that a server can give it back the session that belonged to its stream.
# Happens: SSEClientTransport hands its event source a fetch that puts its own headers in the place of those that the
#   event source asked for, Last-Event-ID among them. It neither sends `initialize` again: it takes the address for
#   messages from the new stream and goes on calling as if nothing had happened.
# Version: @modelcontextprotocol/sdk 1.32.2 (eventsource 3), Node 24.21.0. Date: 2026-11-28. Seen:
#   first GET: last-event-id none
#   second GET: last-event-id none
#   after the break: ping without initialize
# Why it matters here: a server cannot tell whose stream was broken, so a connection that was opened again has no
#   session; the gateway serves its calls one by one, and they work.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent --save-exact @modelcontextprotocol/sdk@1.32.2
cat >try.mjs <<'JS'
import { createServer } from 'node:http'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js'

const seen = []
const methods = []
let stream
const server = createServer((request, response) => {
  if (request.method === 'GET') {
    seen.push(request.headers['last-event-id'] ?? 'none')
    stream = response.writeHead(200, { 'content-type': 'text/event-stream' })
    stream.write(`retry: 50\n\nevent: endpoint\ndata: /messages?n=${seen.length}\n\n`)
    return
  }
  let text = ''
  request.on('data', (chunk) => (text += chunk))
  request.on('end', () => {
    const { id, method } = JSON.parse(text)
    methods.push(`${seen.length} ${method}`)
    response.writeHead(202).end()
    if (id === undefined) return
    const info = { protocolVersion: '2024-11-05', capabilities: {}, serverInfo: { name: 's', version: '1' } }
    const result = method === 'initialize' ? info : {}
    stream.write(`id: the-session\nevent: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', id, result })}\n\n`)
  })
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const client = new Client({ name: 'c', version: '1' })
await client.connect(new SSEClientTransport(new URL(`http://127.0.0.1:${server.address().port}/sse`)))
await client.ping()
stream.end()
while (seen.length < 2) await new Promise((resolve) => setTimeout(resolve, 20))
await new Promise((resolve) => setTimeout(resolve, 100))
await client.ping()
const after = methods.filter((one) => one.startsWith('2 ')).map((one) => one.slice(2))
console.log(`first GET: last-event-id ${seen[0]}`)
console.log(`second GET: last-event-id ${seen[1]}`)
console.log(`after the break: ${after.join(', ')}${after.includes('initialize') ? '' : ' without initialize'}`)
process.exit(seen[1] === 'none' && after.join() === 'ping' ? 0 : 1)
JS
if node try.mjs; then exit 0; fi
echo CHANGED
exit 1
