#!/usr/bin/env bash
# An http.Agent whose reuseSocket does what Node's documentation says resets every connection at its second request.
#
# Expected: "agent.reuseSocket(socket, request) … Default behavior is to: socket.ref(). This method can be overridden by
#   a particular Agent subclass" (nodejs.org/docs/latest-v24.x/api/http.html). A subclass that does that keeps working.
# Happens: newer releases put a guard on idle connections, which destroys one on which anything arrives, and only the
#   base class's reuseSocket takes it away. In a subclass that does not call it, the answer to the next request on the
#   connection sets the guard off: ECONNRESET, after the server has carried the request out.
# Version: Node 24.18.0, 24.21.0, 26.10.0 and 22.23.3; not 24.15.0, 26.0.0, 22.22.3. Date: 2026-11-28. Seen:
#   24.15.0: 200 200 200
#   24.21.0: 200 ECONNRESET 200
# Why it matters here: a worker's connections to Gmail are handed to it by the gateway, through an agent of our own. Every
#   second request failed after a patch of Node, and a mail that was sent so has an outcome that nobody knows.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/try.mjs" <<'JS'
import { Agent, createServer, get } from 'node:http'

class Counting extends Agent {
  reuseSocket(socket) {
    socket.ref()
  }
}

const server = createServer((_request, response) => response.end('ok'))
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const agent = new Counting({ keepAlive: true })
const ask = () =>
  new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port: server.address().port, agent }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode))
    })
    request.on('error', ({ code }) => resolve(code))
  })
const seen = []
for (let at = 0; at < 3; at += 1) {
  seen.push(await ask())
  await new Promise((resolve) => setTimeout(resolve, 20)) // the connection is idle by then
}
console.log(seen.join(' '))
process.exit()
JS
seen=''
for version in 24.15.0 24.21.0; do
  mkdir "$dir/$version"
  cd "$dir/$version"
  npm init -y >/dev/null
  npm install --no-audit --no-fund --silent --save-exact "node@$version" >/dev/null
  line="$version: $(node_modules/.bin/node "$dir/try.mjs")"
  echo "$line"
  seen="$seen$line;"
done
if [ "$seen" = '24.15.0: 200 200 200;24.21.0: 200 ECONNRESET 200;' ]; then exit 0; fi
echo CHANGED
exit 1
