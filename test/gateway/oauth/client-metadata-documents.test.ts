import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { createClientMetadataDocuments } from '../../../gateway/oauth/client-metadata-documents.ts'
import { createSsrfSafeFetch } from '../../../gateway/oauth/ssrf-safe-fetch.ts'
import { Browser } from '../../helpers/browser.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { until } from '../../helpers/mcp-http.ts'
import { OAuthClient, openConsent, openSignInLab, signInClient } from '../../helpers/sign-in.ts'

const ID = 'https://assistant.example/client.json'
const REDIRECT = 'http://127.0.0.1:4000/callback'
const DOCUMENT = { client_id: ID, client_name: 'Assistant', redirect_uris: [REDIRECT] }

/** The web: `isThere` says whether anything can be reached. */
function web() {
  const asked: string[] = []
  const state = { isThere: true, status: 200 }
  return {
    state,
    asked,
    fetch: (async (input) => {
      asked.push(String(input))
      if (!state.isThere) throw new TypeError('fetch failed')
      if (state.status !== 200) return new Response('', { status: state.status })
      return Response.json(DOCUMENT)
    }) satisfies typeof fetch
  }
}

const offered = async (publicUrl: string): Promise<unknown> => {
  const response = await fetch(`${publicUrl}/.well-known/oauth-authorization-server`)
  return Object(await response.json()).client_id_metadata_document_supported
}

// A client that finds the offer uses its document and does not register (draft-ietf-oauth-client-id-metadata-document §5),
// so an offer that cannot be kept leaves it with no way in.
t.test('client documents are offered while they can be fetched', async (t) => {
  const clock = new FakeClock(Date.now())
  const { state, fetch } = web()
  state.isThere = false
  const lab = await openSignInLab(t, { clock, clientDocuments: 'auto', fetchClientMetadata: fetch })
  t.equal(await offered(lab.publicUrl), undefined, 'not before it is known')
  clock.advance(0)
  t.equal(await offered(lab.publicUrl), undefined)
  state.isThere = true
  clock.advance(60_000)
  await until(async () => (await offered(lab.publicUrl)) === true)
  state.isThere = false
  clock.advance(600_000)
  await until(async () => (await offered(lab.publicUrl)) === undefined)
  t.equal(
    (await OAuthClient.register(lab.publicUrl)).redirectUri,
    'http://127.0.0.1:33418/callback'
  )
})

t.test('a stranger’s address that cannot be read takes the offer from nobody', async (t) => {
  const clock = new FakeClock(Date.now())
  const { state, asked, fetch } = web()
  const lab = await openSignInLab(t, { clock, clientDocuments: 'auto', fetchClientMetadata: fetch })
  clock.advance(0)
  await until(async () => (await offered(lab.publicUrl)) === true)
  state.isThere = false
  const stranger = new OAuthClient(lab.publicUrl, 'https://nowhere.example/c.json', REDIRECT)
  const page = await openConsent(new Browser(), stranger.authorizeUrl())
  t.equal(page.response.status, 400)
  t.match(page.text, /could not be looked up.*nowhere\.example/s, 'and the page says what it is')
  t.equal(await offered(lab.publicUrl), true)
  state.isThere = true
  const before = asked.length
  clock.advance(60_000)
  await until(async () => asked.length > before)
  t.equal(await offered(lab.publicUrl), true, 'asked of others')
})

t.test('an operator may always offer them, or never', async (t) => {
  const { state, fetch } = web()
  state.isThere = false
  const on = await openSignInLab(t, { clientDocuments: 'on', fetchClientMetadata: fetch })
  t.equal(await offered(on.publicUrl), true)
  state.isThere = true
  const off = await openSignInLab(t, { clientDocuments: 'off', fetchClientMetadata: fetch })
  t.equal(await offered(off.publicUrl), undefined)
  const client = new OAuthClient(off.publicUrl, ID, REDIRECT)
  t.equal((await openConsent(new Browser(), client.authorizeUrl())).response.status, 400)
})

t.test('a client that is known refreshes while its site cannot be reached', async (t) => {
  const { state, fetch } = web()
  const parts = { clientDocuments: 'on', fetchClientMetadata: fetch } as const
  const lab = await openSignInLab(t, parts)
  const client = new OAuthClient(lab.publicUrl, ID, REDIRECT)
  const tokens = await signInClient(new Browser(), client)
  t.equal(tokens.status, 200)
  const documents = createClientMetadataDocuments({
    mode: 'on',
    fetch,
    store: lab.store,
    clock: new FakeClock(Date.now())
  })
  t.teardown(() => documents.close())
  const keep = () => documents.fetch(ID)
  t.equal((await keep()).status, 200)
  state.isThere = false
  t.match(await (await keep()).json(), DOCUMENT)
  state.isThere = true
  state.status = 503
  t.match(await (await keep()).json(), DOCUMENT)
  state.status = 404
  t.equal((await keep()).status, 404, 'one that was taken back is no more')
  state.isThere = false
  await t.rejects(documents.fetch('https://stranger.example/c.json'))
})

t.test('documents are fetched through the proxy of the environment', async (t) => {
  const tunnels: string[] = []
  const proxy = createServer()
  proxy.on('connect', (request, socket) => {
    tunnels.push(request.url ?? '')
    socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
  })
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => proxy.close())
  const { port } = proxy.address() as AddressInfo
  const direct: string[] = []
  const guarded = createSsrfSafeFetch(
    { proxy: `http://127.0.0.1:${port}`, direct: ['.corp.example'] },
    {
      lookUp(hostname, _options, callback) {
        direct.push(hostname)
        callback(new Error('no such name'), [])
      }
    }
  )
  t.teardown(() => guarded.close())
  await t.rejects(guarded.fetch(ID))
  t.same(tunnels, ['assistant.example:443'])
  await t.rejects(guarded.fetch('https://apps.corp.example/c.json'))
  t.same(direct, ['apps.corp.example'], 'NO_PROXY')
  await t.rejects(guarded.fetch('https://127.0.0.1/c.json'))
  await t.rejects(guarded.fetch('http://assistant.example/c.json'))
  t.equal(tunnels.length, 1, 'what may not be fetched is not asked of the proxy either')
})
