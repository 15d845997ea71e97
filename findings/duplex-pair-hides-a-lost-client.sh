#!/usr/bin/env bash
# An http.Server on one side of node:stream's duplexPair never hears that its client has left.
#
# Expected: a pair is "analogous to a network connection, with one Duplex used by the client and the other by the server"
#   (nodejs.org/docs/latest-v24.x/api/stream.html, stream.duplexPair). When the client's end of a connection is destroyed while
#   a request is served, the server's request and response emit 'close'.
# Happens: destroy() reaches the other side as a mere 'end', and a side of a pair may stay half open, which a socket of an
#   HTTP server may not. So request and response emit nothing: the request of a client that has gone counts as served for ever.
# Version: Node 24.21.0 and 26.10.0. Date: 2026-11-29. Seen, by both:
#   pair: nothing
#   TCP: aborted, response close, request close
# Why it matters here: clients of an older transport are served over such a pair inside the gateway. Calls of clients that had
#   left kept their places until a person's limit was full.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/try.mjs" <<'JS'
import { createServer as createHttpServer } from 'node:http'
import { connect, createServer } from 'node:net'
import { duplexPair } from 'node:stream'

const tcpPair = () =>
  new Promise((resolve) => {
    let client
    const server = createServer((accepted) => resolve([accepted, client]))
    server.listen(0, '127.0.0.1', () => {
      client = connect(server.address().port, '127.0.0.1')
    })
    server.unref()
  })

/** What the server hears within half a second of a client that leaves while its request is served. */
async function heard([accepted, client]) {
  const events = []
  const server = createHttpServer((request, response) => {
    request.on('aborted', () => events.push('aborted'))
    request.on('close', () => events.push('request close'))
    response.on('close', () => events.push('response close'))
    client.destroy()
  })
  client.on('error', () => {})
  server.emit('connection', accepted)
  client.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')
  await new Promise((resolve) => setTimeout(resolve, 500))
  return events.join(', ') || 'nothing'
}
console.log(`pair: ${await heard(duplexPair())}; TCP: ${await heard(await tcpPair())}`)
process.exit()
JS
changed=0
for version in 24.21.0 26.10.0; do
  mkdir "$dir/$version"
  cd "$dir/$version"
  npm init -y >/dev/null
  npm install --no-audit --no-fund --silent --save-exact "node@$version" >/dev/null
  seen=$(node_modules/.bin/node "$dir/try.mjs")
  echo "$version: $seen"
  if [ "$seen" != 'pair: nothing; TCP: aborted, response close, request close' ]; then changed=1; fi
done
if [ "$changed" = 0 ]; then exit 0; fi
echo CHANGED
exit 1
