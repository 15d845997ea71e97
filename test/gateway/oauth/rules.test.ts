import t from 'tap'
import { GOOGLE_SCOPE } from '#shared/access-levels.ts'
import { asUserId } from '#shared/ids.ts'
import { isAllowed } from '../../../gateway/accounts/allow-list.ts'
import { createKeyring, rotateKeyring } from '../../../gateway/accounts/keyring.ts'
import { reduceClient } from '../../../gateway/oauth/client-metadata-policy.ts'
import { isSameResource } from '../../../gateway/oauth/resource-indicator.ts'
import {
  createSsrfSafeFetch,
  isPublicAddress,
  isSpecialAddress
} from '../../../gateway/oauth/ssrf-safe-fetch.ts'
import { decideSignIn, type GoogleAnswer } from '../../../gateway/sign-in/sign-in-policy.ts'
import { Html, html } from '../../../gateway/web/html.ts'
import { documentOf, formTarget, pageHeaders } from '../../../gateway/web/page.ts'
import { createSealedCookies } from '../../../gateway/web/sealed-cookies.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

const profile = {
  userId: asUserId('1'),
  email: 'Ada@Example.com',
  emailVerified: true,
  hd: 'example.com'
}

t.test('the verdict: what Google granted decides, and a stored grant is reused', async (t) => {
  const { readonly, modify } = GOOGLE_SCOPE
  const answer: GoogleAnswer = {
    profile,
    access: { refreshToken: '1//new', scopes: ['openid', modify] },
    wanted: 'gmail.modify',
    stored: undefined,
    consentForced: false,
    isAllowed: true
  }
  const quiet = { refreshToken: undefined, scopes: [modify] }
  const granted = (level: string, grant: object | undefined) => ({ kind: 'granted', level, grant })
  const cases: [string, Partial<GoogleAnswer>, object][] = [
    [
      'a new grant',
      {},
      granted('gmail.modify', { refreshToken: '1//new', scopes: ['openid', modify] })
    ],
    ['less chosen than granted', { wanted: 'gmail.read' }, { level: 'gmail.read' }],
    [
      'less granted than chosen',
      { access: { refreshToken: 'x', scopes: [readonly] } },
      { level: 'gmail.read' }
    ],
    ['reused', { access: quiet, stored: [modify] }, granted('gmail.modify', undefined)],
    ['none stored', { access: quiet }, { kind: 'ask_again' }],
    ['stored is too narrow', { access: quiet, stored: [readonly] }, { kind: 'ask_again' }],
    ['asked twice', { access: quiet, consentForced: true }, { reason: 'no_lasting_access' }],
    [
      'no mail',
      { access: { refreshToken: 'x', scopes: ['openid'] } },
      { reason: 'no_gmail_access' }
    ],
    [
      'no scopes told',
      { access: { refreshToken: 'x', scopes: undefined } },
      { reason: 'no_gmail_access' }
    ],
    [
      'unverified',
      { profile: { ...profile, emailVerified: false } },
      { reason: 'unverified_email' }
    ],
    ['outsider', { isAllowed: false }, { reason: 'not_allowed' }]
  ]
  for (const [title, changes, expected] of cases) {
    t.match(decideSignIn({ ...answer, ...changes }), expected, title)
  }
})

t.test(
  'the allow list names verified addresses and the domain that Google vouches for',
  async (t) => {
    const none = { emails: [], domains: [] }
    t.ok(isAllowed(none, profile))
    t.notOk(isAllowed(none, { ...profile, emailVerified: false }))
    t.ok(isAllowed({ ...none, emails: ['ada@example.com'] }, profile))
    t.notOk(isAllowed({ ...none, emails: ['ben@example.com'] }, profile))
    t.ok(isAllowed({ ...none, domains: ['EXAMPLE.com'] }, profile))
    t.notOk(isAllowed({ ...none, domains: ['example.com'] }, { ...profile, hd: undefined }))
  }
)

t.test('a claimed client is reduced to a public one with safe redirects', async (t) => {
  const client = {
    client_name: ' Cla\u202eude\n ',
    redirect_uris: ['http://localhost:1/cb', 'https://claude.ai/cb', 'cursor://x/cb'],
    grant_types: [
      'authorization_code',
      'refresh_token',
      'urn:ietf:params:oauth:grant-type:device_code'
    ],
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_methods_supported: ['private_key_jwt', 'none'],
    application_type: 'web',
    scope: 'gmail.read',
    jwks_uri: 'https://inside/keys',
    client_secret: 'secret'
  }
  reduceClient(client)
  t.same(client, {
    client_name: 'Claude',
    redirect_uris: ['http://localhost:1/cb', 'https://claude.ai/cb', 'cursor://x/cb'],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    response_modes: ['query'],
    token_endpoint_auth_method: 'none',
    id_token_signed_response_alg: 'ES256',
    subject_type: 'public',
    application_type: 'native'
  })
  for (const bad of [
    { redirect_uris: ['http://example.com/cb'] },
    { redirect_uris: ['https://user:word@example.com/cb'] },
    { redirect_uris: Array.from({ length: 21 }, () => 'https://example.com/cb') },
    { redirect_uris: [`https://example.com/${'p'.repeat(2048)}`] },
    {
      redirect_uris: Array.from(
        { length: 5 },
        (_, i) => `https://a.example/${i}${'p'.repeat(1700)}`
      )
    },
    { redirect_uris: [], client_uri: `https://a.example/${'p'.repeat(8200)}` },
    { redirect_uris: [], token_endpoint_auth_method: 'private_key_jwt' }
  ]) {
    t.throws(() => reduceClient(bad))
  }
})

t.test('a stranger’s address is fetched from the public internet only', async (t) => {
  t.ok(isPublicAddress(new URL('https://claude.ai/oauth/x')))
  for (const address of [
    'http://claude.ai/x',
    'https://claude.ai:8443/x',
    'https://localhost/x',
    'https://a.localhost/x',
    'https://intranet/x',
    'https://127.0.0.1/x',
    'https://2130706433/x',
    'https://0x7f.1/x',
    'https://[::1]/x',
    'https://[::ffff:127.0.0.1]/x',
    'https://user@claude.ai/x'
  ]) {
    t.notOk(isPublicAddress(new URL(address)), address)
  }
  const inward: [string, number][] = [
    ['127.0.0.1', 4],
    ['10.1.2.3', 4],
    ['169.254.169.254', 4],
    ['172.31.0.1', 4],
    ['192.168.1.1', 4],
    ['100.64.0.1', 4],
    ['0.0.0.0', 4],
    ['255.255.255.255', 4],
    ['::1', 6],
    ['::', 6],
    ['::ffff:10.0.0.1', 6],
    ['fd00::1', 6],
    ['fe80::1', 6],
    ['64:ff9b::a00:1', 6]
  ]
  for (const [address, family] of inward) t.ok(isSpecialAddress(address, family), address)
  t.notOk(isSpecialAddress('8.8.8.8', 4))
  t.notOk(isSpecialAddress('2606:4700::1111', 6))

  const guarded = createSsrfSafeFetch()
  t.teardown(() => guarded.close())
  await t.rejects(guarded.fetch('https://127.0.0.1/x'), /may not be fetched/)
  await guarded.close()
  await guarded.close()
  for (const address of ['127.0.0.1', '169.254.169.254']) {
    const rebound = createSsrfSafeFetch(
      {},
      {
        lookUp: (_name, _options, callback) =>
          callback(null, [
            { address: '93.184.215.14', family: 4 },
            { address, family: 4 }
          ])
      }
    )
    t.teardown(() => rebound.close())
    const refused = await rebound.fetch('https://rebound.example/x').catch((error) => error)
    t.match(refused.cause, /does not lead to the public internet/, address)
  }
})

t.test('a sealed cookie opens for its purpose, in its time, and after a rotation', async (t) => {
  const keyring = createKeyring()
  const clock = new FakeClock(1_800_000_000_000)
  const cookies = createSealedCookies({ keyring, clock, secure: true })
  const sealed = await cookies.seal('account', { a: 1 }, 60)
  t.same(await cookies.open('account', sealed), { a: 1 })
  t.equal(await cookies.open('google-visit', sealed), undefined)
  t.equal(await cookies.open('account', `${sealed}x`), undefined)
  t.equal(await cookies.open('account', ''), undefined)
  const other = createSealedCookies({ keyring: createKeyring(), clock, secure: true })
  t.equal(await other.open('account', sealed), undefined)
  const rotated = createSealedCookies({ keyring: rotateKeyring(keyring), clock, secure: true })
  t.same(await rotated.open('account', sealed), { a: 1 })
  clock.advance(61_000)
  t.equal(await cookies.open('account', sealed), undefined)
  t.equal(cookies.name('account'), '__Host-account')
  t.same(cookies.attributes, { path: '/', httpOnly: true, secure: true, sameSite: 'lax' })
  t.equal(createSealedCookies({ keyring, clock, secure: false }).name('account'), 'account')
  const token = cookies.formToken('/a')
  t.ok(rotated.isFormToken('/a', token))
  t.notOk(cookies.isFormToken('/b', token))
  t.notOk(cookies.isFormToken('/a', undefined))
  t.notOk(cookies.isFormToken('/a', 'x'))
})

t.test('pages escape every value and allow no script, frame or foreign form', async (t) => {
  const evil = `<script>"'\`&`
  t.equal(
    html`<p title="${evil}">${[html`<b>${1}</b>`, new Html('<i>')]}${undefined}</p>`.text,
    '<p title="&#60;script&#62;&#34;&#39;&#96;&#38;"><b>1</b><i></p>'
  )
  const page = { title: evil, body: html`x`, formTargets: ['https://accounts.google.com'] }
  t.notMatch(documentOf(page), '<script>')
  t.match(pageHeaders(page), {
    'content-security-policy':
      /^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self' https:\/\/accounts.google.com; frame-ancestors 'none'; base-uri 'none'$/,
    'x-frame-options': 'DENY',
    'cache-control': 'no-store'
  })
  t.equal(formTarget('http://localhost:3/x'), 'http://localhost:3')
  t.equal(formTarget('cursor://host/x'), 'cursor:')
  t.equal(formTarget('https://a;b.example/x'), undefined)
  t.equal(formTarget('nonsense'), undefined)
})

t.test('a resource is ours in every spelling of the same address', async (t) => {
  // MCP authorization, "Canonical Server URI": upper-case scheme and host SHOULD be accepted, and a trailing slash is
  // no other resource; RFC 3986 §6.2.2 (case, percent-encoding, dot segments) and §6.2.3 (default port).
  const ours = 'https://mail.example.com/mcp'
  for (const same of [
    ours,
    'HTTPS://MAIL.EXAMPLE.COM/mcp',
    'https://mail.example.com:443/mcp',
    'https://mail.example.com/mcp/',
    'https://mail.example.com/%6Dc%70',
    'https://mail.example.com/x/../mcp'
  ]) {
    t.ok(isSameResource(same, ours), same)
  }
  for (const other of [
    'http://mail.example.com/mcp',
    'https://mail.example.com',
    'https://mail.example.com/',
    'https://mail.example.com/MCP',
    'https://mail.example.com/mcp//',
    'https://mail.example.com/mcp/x',
    'https://mail.example.com:8443/mcp',
    'https://mail.example.com/mcp?a=b',
    'https://mail.example.com/mcp?',
    'https://mail.example.com/mcp#',
    'https://user@mail.example.com/mcp',
    'https://mail.example.com.evil.example/mcp',
    '/mcp',
    ''
  ]) {
    t.notOk(isSameResource(other, ours), other)
  }
})
