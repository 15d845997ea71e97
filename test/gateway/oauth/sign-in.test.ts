import t from 'tap'
import { GOOGLE_SCOPE } from '#shared/access-levels.ts'
import { asUserId } from '#shared/ids.ts'
import { Browser, formFields } from '../../helpers/browser.ts'
import {
  ADA,
  answerGoogle,
  authorize,
  BEN,
  continueToGoogle,
  documents,
  OAuthClient,
  openConsent,
  openSignInLab,
  post,
  signInClient
} from '../../helpers/sign-in.ts'

t.test(
  'metadata names one issuer, one resource, one level, and what clients look for',
  async (t) => {
    const { publicUrl, resource } = await openSignInLab(t)
    const json = async (path: string) => readJson(await fetch(`${publicUrl}${path}`))
    const server = await json('/.well-known/oauth-authorization-server')
    t.same(server, await json('/.well-known/openid-configuration'))
    t.match(server, {
      issuer: publicUrl,
      authorization_endpoint: `${publicUrl}/oauth/authorize`,
      token_endpoint: `${publicUrl}/oauth/token`,
      registration_endpoint: `${publicUrl}/oauth/register`,
      revocation_endpoint: `${publicUrl}/oauth/revoke`,
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: ['none'],
      client_id_metadata_document_supported: true,
      authorization_response_iss_parameter_supported: true
    })
    const expected = {
      resource,
      authorization_servers: [publicUrl],
      scopes_supported: ['gmail.modify'],
      bearer_methods_supported: ['header']
    }
    t.match(await json('/.well-known/oauth-protected-resource'), expected)
    t.match(await json('/.well-known/oauth-protected-resource/mcp'), expected)
    const keys = await json('/oauth/jwks')
    t.match(keys, { keys: [{ kty: 'EC', crv: 'P-256', alg: 'ES256' }] })
    t.notMatch(JSON.stringify(keys), '"d":', 'no private part')

    const spoofed = await fetch(`${publicUrl}/.well-known/oauth-authorization-server`, {
      headers: { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' }
    })
    t.equal((await readJson(spoofed)).token_endpoint, `${publicUrl}/oauth/token`)

    for (const path of [
      '/oauth/token',
      '/oauth/register',
      '/.well-known/oauth-protected-resource'
    ]) {
      const preflight = await fetch(`${publicUrl}${path}`, {
        method: 'OPTIONS',
        headers: { origin: 'https://inspector.example', 'access-control-request-method': 'POST' }
      })
      t.equal(preflight.status, 204, path)
      t.ok(preflight.headers.get('access-control-allow-origin'), path)
    }
  }
)

t.test('a client signs in, calls, refreshes, and revokes', async (t) => {
  const lab = await openSignInLab(t)
  const client = await OAuthClient.register(lab.publicUrl)
  const browser = new Browser()
  const { url } = await authorize(browser, client)
  t.equal(url.searchParams.get('state'), client.state)
  t.equal(url.searchParams.get('iss'), lab.publicUrl)
  const tokens = await client.exchange(url.searchParams.get('code') ?? '')
  t.match(tokens, { status: 200, scope: 'gmail.read gmail.draft gmail.modify', expires_in: 600 })
  t.match(await lab.bearer.verify(tokens.access_token), {
    userId: lab.idOf(ADA),
    clientId: client.id,
    level: 'gmail.modify',
    credential: 'oauth'
  })
  t.same(lab.changed, [lab.idOf(ADA)])
  const google = await lab.broker.accessToken(asUserId(lab.idOf(ADA)))
  t.ok(google.scopes.includes(GOOGLE_SCOPE.modify))
  t.notOk(google.scopes.includes(GOOGLE_SCOPE.full))

  const next = await client.refresh(tokens.refresh_token)
  t.equal(next.status, 200)
  t.not(next.refresh_token, tokens.refresh_token)
  const narrow = await client.refresh(next.refresh_token, { scope: 'gmail.read' })
  t.match(await lab.bearer.verify(narrow.access_token), { level: 'gmail.read' })

  const revoked = await fetch(`${lab.publicUrl}/oauth/revoke`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: client.id, token: narrow.refresh_token })
  })
  t.equal(revoked.status, 200)
  for (const token of [tokens.access_token, next.access_token, narrow.access_token]) {
    t.equal(await lab.bearer.verify(token), undefined)
  }
  t.same(browser.cookieNames(`${lab.publicUrl}/oauth/authorize`), [], 'no sign-in stays behind')

  const rows = JSON.stringify(await lab.store.db.selectFrom('oauth').selectAll().execute())
  for (const secret of [tokens.access_token, tokens.refresh_token, url.searchParams.get('code')]) {
    t.notOk(rows.includes(String(secret)), 'no usable token is stored')
  }
})

t.test('the person may give less than asked, and more, on our page and on Google’s', async (t) => {
  const lab = await openSignInLab(t)
  const client = await OAuthClient.register(lab.publicUrl)
  const scope = { scope: 'gmail.read gmail.settings' }
  const consent = await openConsent(new Browser(), client.authorizeUrl(scope))
  t.equal(formFields(consent.text).level, 'gmail.settings')
  t.match(
    consent.text,
    /Allow more than it asks for.*value="gmail\.full"/s,
    'more is one click away'
  )

  const lower = await signInClient(new Browser(), client, { level: 'gmail.read' }, scope)
  t.equal(lower.scope, 'gmail.read')
  const unticked = await signInClient(
    new Browser(),
    client,
    { email: BEN, ticked: [GOOGLE_SCOPE.modify] },
    scope
  )
  t.equal(unticked.scope, 'gmail.read gmail.draft gmail.modify')
  const raised = await signInClient(
    new Browser(),
    client,
    { level: 'gmail.full' },
    { scope: 'gmail.read' }
  )
  // RFC 6749 §3.3: the person decides on the scope, and the client is told when it is not what it asked for.
  t.equal(raised.scope, 'gmail.read gmail.draft gmail.modify gmail.settings gmail.full')
})

t.test(
  'one Google grant for each person is kept and reused, and asked again only to grow',
  async (t) => {
    const lab = await openSignInLab(t)
    const ada = asUserId(lab.idOf(ADA))
    const client = await OAuthClient.register(lab.publicUrl)
    await signInClient(new Browser(), client, {}, { scope: 'gmail.read' })
    const first = await lab.grants.find(ada)
    await signInClient(new Browser(), client, {}, { scope: 'gmail.read' })
    const second = await lab.grants.find(ada)
    t.equal(second?.refreshToken, first?.refreshToken, 'the same consent brings no new token')

    await signInClient(new Browser(), client, {}, { scope: 'gmail.settings' })
    const grown = await lab.grants.find(ada)
    t.not(grown?.refreshToken, first?.refreshToken)
    t.ok(grown?.scopes.includes(GOOGLE_SCOPE.settingsBasic))

    await lab.store.db.deleteFrom('google_grants').execute()
    const again = await signInClient(new Browser(), client, {}, { scope: 'gmail.read' })
    t.equal(again.status, 200, 'a lost grant is asked for once more, within the same sign-in')
    t.ok(await lab.grants.find(ada))
  }
)

t.test(
  'when Google ends the grant, clients’ tokens end with it and a new sign-in heals',
  async (t) => {
    const lab = await openSignInLab(t)
    const ada = asUserId(lab.idOf(ADA))
    const client = await OAuthClient.register(lab.publicUrl)
    const tokens = await signInClient(new Browser(), client)
    lab.google.revokeGrants(ADA)
    await t.rejects(lab.broker.accessToken(ada, { force: true }), { code: 'ERR_NEEDS_REAUTH' })
    t.equal(await lab.bearer.verify(tokens.access_token), undefined)
    t.equal((await client.refresh(tokens.refresh_token)).error, 'invalid_grant')
    t.match(await lab.accounts.find(ada), { state: 'needs_reauth' })
    const healed = await signInClient(new Browser(), client)
    t.ok(await lab.bearer.verify(healed.access_token))
    t.match(await lab.accounts.find(ada), { state: 'active' })
    t.ok(await lab.broker.accessToken(ada))
  }
)

t.test('behind TLS every cookie is Secure, and ours are bound to this host', async (t) => {
  const lab = await openSignInLab(t, { publicUrl: 'https://mail.example.com' })
  const { app } = lab
  const registered = await app.inject({
    method: 'POST',
    url: '/oauth/register',
    payload: { redirect_uris: ['https://app.example/callback'] }
  })
  const client = new OAuthClient(
    lab.publicUrl,
    registered.json().client_id,
    'https://app.example/callback'
  )
  const inside = (url: URL) => `${url.pathname}${url.search}`
  const begun = await app.inject({ url: inside(client.authorizeUrl()) })
  const consent = new URL(String(begun.headers.location), lab.publicUrl)
  t.equal(consent.origin, lab.publicUrl)
  const setCookies = [begun.headers['set-cookie'] ?? []].flat()
  t.ok(setCookies.length >= 2)
  for (const cookie of setCookies) t.match(cookie, /^__Secure-.*; secure; httponly/i)

  const cookies = Object.fromEntries(
    setCookies.map((cookie) => (cookie.split(';')[0] ?? '').split('=') as [string, string])
  )
  const page = await app.inject({ url: inside(consent), cookies })
  const answer = await app.inject({
    method: 'POST',
    url: inside(consent),
    cookies,
    headers: {
      origin: lab.publicUrl,
      'content-type': 'application/x-www-form-urlencoded'
    },
    payload: new URLSearchParams({ ...formFields(page.body), decision: 'allow' }).toString()
  })
  t.equal(answer.statusCode, 303)
  for (const { headers } of [page, answer]) {
    t.equal(headers['cross-origin-opener-policy'], 'unsafe-none', 'a popup keeps its opener')
  }
  t.match(new URL(String(answer.headers.location)).searchParams.get('redirect_uri'), lab.publicUrl)
  t.match(
    String(answer.headers['set-cookie']),
    /^__Host-google-[\w-]{8}=.*; Path=\/; HttpOnly; Secure; SameSite=Lax$/
  )
})

t.test('two clients sign in at the same time in one browser, as two people', async (t) => {
  const lab = await openSignInLab(t)
  const browser = new Browser()
  const [one, two] = [
    await OAuthClient.register(lab.publicUrl),
    await OAuthClient.register(lab.publicUrl, {}, 'http://127.0.0.1:40001/callback')
  ]
  const consents = [
    await openConsent(browser, one.authorizeUrl()),
    await openConsent(browser, two.authorizeUrl())
  ] as const
  const pages = [
    await continueToGoogle(browser, consents[0]),
    await continueToGoogle(browser, consents[1])
  ] as const
  const second = await answerGoogle(browser, pages[1], { email: BEN }, two.isMine)
  const first = await answerGoogle(browser, pages[0], { email: ADA }, one.isMine)
  const tokens = [
    await one.exchange(first.url.searchParams.get('code') ?? ''),
    await two.exchange(second.url.searchParams.get('code') ?? '')
  ] as const
  t.match(await lab.bearer.verify(tokens[0].access_token), { userId: lab.idOf(ADA) })
  t.match(await lab.bearer.verify(tokens[1].access_token), { userId: lab.idOf(BEN) })
})

const readJson = async (response: Response) => (await response.json()) as Record<string, unknown>

const CLIENTS: {
  readonly name: string
  readonly document?: { readonly url: string; readonly content: Record<string, unknown> }
  readonly registration?: Record<string, unknown>
  readonly redirectUri: string
  readonly request?: Record<string, string | undefined>
}[] = [
  {
    name: 'Claude',
    document: {
      url: 'https://claude.ai/oauth/mcp-oauth-client-metadata',
      content: {
        client_name: 'Claude',
        redirect_uris: ['https://claude.ai/api/mcp/auth_callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none'
      }
    },
    redirectUri: 'https://claude.ai/api/mcp/auth_callback',
    request: { scope: 'gmail.modify' }
  },
  {
    name: 'Claude by dynamic registration',
    registration: {
      client_name: 'Claude',
      redirect_uris: ['https://claude.ai/api/mcp/auth_callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      scope: 'gmail.modify',
      token_endpoint_auth_method: 'none'
    },
    redirectUri: 'https://claude.ai/api/mcp/auth_callback'
  },
  {
    name: 'Claude Code, on an ephemeral port of localhost',
    document: {
      url: 'https://claude.ai/oauth/claude-code-client-metadata',
      content: {
        client_name: 'Claude Code',
        redirect_uris: ['http://localhost/callback', 'http://127.0.0.1/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none'
      }
    },
    redirectUri: 'http://localhost:51234/callback'
  },
  {
    name: 'ChatGPT, which prefers a key and falls back to none',
    document: {
      url: 'https://chatgpt.com/oauth/client.json',
      content: {
        client_name: 'ChatGPT',
        redirect_uris: ['https://chatgpt.com/connector_platform_oauth_redirect'],
        grant_types: ['authorization_code', 'refresh_token'],
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
        jwks_uri: 'https://chatgpt.com/oauth/jwks.json'
      }
    },
    redirectUri: 'https://chatgpt.com/connector_platform_oauth_redirect',
    request: { scope: undefined }
  },
  {
    name: 'ChatGPT with a document for each connector',
    document: {
      url: 'https://chatgpt.com/oauth/c0ffee/client.json',
      content: {
        client_name: 'ChatGPT',
        redirect_uris: ['https://chatgpt.com/connector/oauth/c0ffee'],
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
        jwks_uri: 'https://chatgpt.com/oauth/jwks.json'
      }
    },
    redirectUri: 'https://chatgpt.com/connector/oauth/c0ffee'
  },
  {
    name: 'Codex, on a loopback port',
    document: {
      url: 'https://chatgpt.com/oauth/codex/client.json',
      content: {
        client_name: 'Codex',
        application_type: 'native',
        redirect_uris: ['http://127.0.0.1/callback', 'http://localhost/callback'],
        token_endpoint_auth_method: 'none'
      }
    },
    redirectUri: 'http://127.0.0.1:45999/callback'
  },
  {
    name: 'Cursor, with its own scheme',
    registration: {
      client_name: 'Cursor',
      redirect_uris: [
        'http://localhost:8787/callback',
        'https://www.cursor.com/agents/mcp/oauth/callback',
        'cursor://anysphere.cursor-mcp/oauth/callback'
      ],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none'
    },
    redirectUri: 'cursor://anysphere.cursor-mcp/oauth/callback'
  },
  {
    name: 'Cursor, on its port',
    registration: {
      client_name: 'Cursor',
      redirect_uris: [
        'http://localhost:8787/callback',
        'cursor://anysphere.cursor-mcp/oauth/callback'
      ]
    },
    redirectUri: 'http://localhost:8787/callback'
  },
  {
    name: 'VS Code',
    document: {
      url: 'https://vscode.dev/oauth/client-metadata.json',
      content: {
        client_name: 'Visual Studio Code',
        client_uri: 'https://code.visualstudio.com',
        logo_uri: 'https://code.visualstudio.com/logo.svg',
        redirect_uris: ['http://127.0.0.1:33418/', 'https://vscode.dev/redirect'],
        grant_types: [
          'authorization_code',
          'refresh_token',
          'urn:ietf:params:oauth:grant-type:device_code'
        ],
        response_types: ['code'],
        token_endpoint_auth_method: 'none'
      }
    },
    redirectUri: 'http://127.0.0.1:33418/'
  },
  {
    name: 'VS Code by dynamic registration, on another port',
    registration: {
      client_name: 'Visual Studio Code',
      redirect_uris: [
        'https://insiders.vscode.dev/redirect',
        'http://127.0.0.1:33418/',
        'http://127.0.0.1/'
      ],
      application_type: 'native',
      grant_types: [
        'authorization_code',
        'refresh_token',
        'urn:ietf:params:oauth:grant-type:device_code'
      ],
      response_types: ['code'],
      token_endpoint_auth_method: 'none'
    },
    redirectUri: 'http://127.0.0.1:60123/'
  },
  {
    name: 'MCP Inspector',
    registration: {
      client_name: 'MCP Inspector',
      client_uri: 'https://github.com/modelcontextprotocol/inspector',
      redirect_uris: ['http://localhost:6274/oauth/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      scope: 'gmail.modify'
    },
    redirectUri: 'http://localhost:6274/oauth/callback',
    request: { scope: 'gmail.modify offline_access', prompt: 'consent' }
  },
  {
    name: 'Gemini CLI',
    registration: {
      client_name: 'Gemini CLI MCP Client',
      redirect_uris: ['http://localhost:7777/oauth/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      application_type: 'web'
    },
    redirectUri: 'http://localhost:7777/oauth/callback'
  }
]

t.test('every client of the field registers as it does and signs in', async (t) => {
  const published = Object.fromEntries(
    CLIENTS.flatMap(({ document }) =>
      document ? [[document.url, { client_id: document.url, ...document.content }]] : []
    )
  )
  const lab = await openSignInLab(t, {
    fetchClientMetadata: documents(published),
    limits: { register: 100, authorize: 1000, token: 1000, page: 1000 }
  })
  for (const { name, document, registration, redirectUri, request } of CLIENTS) {
    t.comment(name)
    const client = document
      ? new OAuthClient(lab.publicUrl, document.url, redirectUri)
      : await OAuthClient.register(lab.publicUrl, registration, redirectUri)
    const consent = await openConsent(new Browser(), client.authorizeUrl(request))
    const called = String(document?.content.client_name ?? registration?.client_name)
    t.ok(consent.text.includes(called), `${name}: the page names it`)
    const isWeb = redirectUri.startsWith('https:')
    t.equal(consent.text.includes('Any program on your computer'), !isWeb, `${name}: warning`)
    const tokens = await signInClient(new Browser(), client, {}, request)
    t.match(tokens, { status: 200, token_type: 'Bearer' }, name)
    t.match(await lab.bearer.verify(tokens.access_token), {
      clientId: client.id,
      level: 'gmail.modify'
    })
    t.equal((await client.refresh(tokens.refresh_token)).status, 200, `${name}: refresh`)
  }
})

t.test('where clients may not register, those that are known sign in all the same', async (t) => {
  const earlier = await openSignInLab(t)
  const known = await OAuthClient.register(earlier.publicUrl)
  const row = await earlier.store.db
    .selectFrom('oauth')
    .selectAll()
    .where('id', '=', known.id)
    .executeTakeFirstOrThrow()

  const url = 'https://client.example/metadata.json'
  const content = { client_name: 'Known', redirect_uris: ['http://127.0.0.1/callback'] }
  const lab = await openSignInLab(t, {
    registersClients: false,
    fetchClientMetadata: documents({
      [url]: { client_id: url, token_endpoint_auth_method: 'none', ...content }
    })
  })
  await lab.store.db.insertInto('oauth').values(row).execute()
  for (const path of ['oauth-authorization-server', 'openid-configuration']) {
    const metadata = await readJson(await fetch(`${lab.publicUrl}/.well-known/${path}`))
    t.equal(metadata.registration_endpoint, undefined, path)
    t.equal(metadata.client_id_metadata_document_supported, true)
  }
  t.equal((await post(`${lab.publicUrl}/oauth/register`, content)).status, 404)
  for (const [id, redirectUri] of [
    [known.id, known.redirectUri],
    [url, 'http://127.0.0.1:4711/callback']
  ] as const) {
    const client = new OAuthClient(lab.publicUrl, id, redirectUri)
    t.equal((await signInClient(new Browser(), client)).status, 200, id)
  }
})

t.test('one address may register ten times a minute, and has its limits elsewhere', async (t) => {
  const { publicUrl } = await openSignInLab(t)
  const body = { redirect_uris: ['http://127.0.0.1/callback'] }
  for (let n = 0; n < 10; n += 1) {
    t.equal((await post(`${publicUrl}/oauth/register`, body)).status, 201)
  }
  const refused = await post(`${publicUrl}/oauth/register`, body)
  t.equal(refused.status, 429)
  t.ok(Number(refused.headers.get('retry-after')) > 0)
  t.match(await refused.json(), { error: 'temporarily_unavailable' })

  const tight = await openSignInLab(t, {
    limits: { register: 10, authorize: 1, token: 1, page: 1 }
  })
  const client = await OAuthClient.register(tight.publicUrl)
  const browser = new Browser()
  await browser.fetch(client.authorizeUrl())
  const page = await browser.fetch(client.authorizeUrl())
  t.equal(page.status, 429)
  t.match(await page.text(), 'Too many attempts')
  await client.refresh('x')
  t.equal((await client.refresh('x')).status, 429)
  await browser.fetch(`${tight.publicUrl}/account`)
  t.equal((await browser.fetch(`${tight.publicUrl}/account`)).status, 429)
})
