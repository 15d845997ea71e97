#!/usr/bin/env bash
# oidc-provider takes a rotating refresh token for used by a request that it refuses.
#
# Expected: rotation invalidates a refresh token when a new one is issued in its place (RFC 9700 §4.14.2). A request that is
#   answered 400 invalid_target, because its resource (RFC 8707) is another server's, issues nothing: the client may send the
#   same token again with the right resource.
# Happens: the token is marked as used before the resource is looked at. Sent again it counts as replayed: invalid_grant, and
#   the whole grant is gone with it; the person has to sign in again.
# Version: oidc-provider 9.13.3, Node 24.21.0. Date: 2026-11-29. Seen:
#   the right resource at once: 200
#   another server's first: 400 invalid_target, then the right one: 400 invalid_grant, grant gone
# Why it matters here: clients write the address of an MCP server in several ways (a slash at its end, another door), and one
#   that was refused once lost its person's sign-in. The gateway looks at the resource before the library does.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent --save-exact oidc-provider@9.13.3 node@24.21.0 >/dev/null
cat >try.mjs <<'JS'
import { createServer } from 'node:http'
import { errors, Provider } from 'oidc-provider'

const API = 'https://api.example.com'
const server = createServer()
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const issuer = `http://127.0.0.1:${server.address().port}`
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'app',
      token_endpoint_auth_method: 'none',
      redirect_uris: ['https://app.example.com/callback'],
      grant_types: ['authorization_code', 'refresh_token']
    }
  ],
  findAccount: (_context, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  ttl: { Grant: 3600, RefreshToken: 3600, AccessToken: 60 },
  rotateRefreshToken: true,
  features: {
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => API,
      useGrantedResource: () => true,
      getResourceServerInfo(_context, resource) {
        if (resource !== API) throw new errors.InvalidTarget()
        return { scope: 'read', accessTokenFormat: 'opaque' }
      }
    }
  }
})
server.on('request', provider.callback())

/** A refresh token, as a sign-in would have left it, and its grant. */
async function signedIn() {
  const grant = new provider.Grant({ clientId: 'app', accountId: 'ann' })
  grant.addResourceScope(API, 'read')
  grant.addOIDCScope('offline_access')
  const grantId = await grant.save()
  const client = await provider.Client.find('app')
  const token = await new provider.RefreshToken({
    ...{ client, grantId, accountId: 'ann', scope: 'offline_access read', resource: API },
    ...{ gty: 'authorization_code', rotations: 0, iiat: Math.floor(Date.now() / 1000) }
  }).save()
  return { grantId, token }
}

async function refresh(token, resource) {
  const form = { grant_type: 'refresh_token', client_id: 'app', refresh_token: token, resource }
  const response = await fetch(`${issuer}/token`, { method: 'POST', body: new URLSearchParams(form) })
  const { error } = await response.json()
  return [response.status, error].filter(Boolean).join(' ')
}

const control = await signedIn()
console.log(`the right resource at once: ${await refresh(control.token, API)}`)
const { grantId, token } = await signedIn()
const refused = await refresh(token, 'https://other.example.com')
const after = await refresh(token, API)
const grant = (await provider.Grant.find(grantId)) ? 'there' : 'gone'
console.log(`another server's first: ${refused}, then the right one: ${after}, grant ${grant}`)
process.exit()
JS
seen=$(node_modules/.bin/node try.mjs 2>/dev/null | grep -v NOTICE)
echo "$seen"
if [ "$seen" = "the right resource at once: 200
another server's first: 400 invalid_target, then the right one: 400 invalid_grant, grant gone" ]; then exit 0; fi
echo CHANGED
exit 1
