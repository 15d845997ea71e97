import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { GatewayError } from '#shared/errors.ts'
import { readConfig } from '../../../gateway/config/config.ts'
import { peerKeysOf } from '../../../gateway/config/peer-tls.ts'
import { TEST_CERTIFICATE, TEST_KEY } from '../../helpers/test-certificate.ts'

const GOOD = {
  PUBLIC_URL: 'https://mail.example.com',
  ADMIN_TOKEN: '0123456789abcdef01234567',
  GOOGLE_CLIENT_ID: 'id',
  GOOGLE_CLIENT_SECRET: 'secret',
  SECRETS_FILE: '/etc/gateway/secrets.json'
}

/** The lines of complaint about an environment. */
function mistakesOf(environment: Record<string, string | undefined>): string[] {
  try {
    readConfig(environment)
    return []
  } catch (error) {
    const { code, message } = error as GatewayError
    if (code !== 'ERR_CONFIG') throw error
    return message.split('\n').slice(1)
  }
}

t.test('what is needed is enough', async (t) => {
  t.match(readConfig(GOOD), {
    PUBLIC_URL: 'https://mail.example.com',
    PORT: 3006,
    HOST: '127.0.0.1',
    OPS_PORT: 9464,
    OPS_HOST: '127.0.0.1',
    MAX_BODY: 8 * 2 ** 20,
    WORKER_IDLE: 600_000,
    SESSION_TTL: 7 * 86_400_000,
    AUDIT_TTL: 365 * 86_400_000,
    DEFAULT_LEVEL: 'gmail.modify',
    LOG_LEVEL: 'info'
  })
  t.ok(readConfig(GOOD).WORKER_LIMIT >= 4, 'as many workers as fit')
})

t.test('every mistake is told at once, each with what to do', async (t) => {
  const missing = mistakesOf({})
  t.equal(missing.length, 5)
  for (const name of Object.keys(GOOD))
    t.ok(
      missing.some((line) => line.includes(`${name} is not set. `)),
      name
    )

  const wrong = mistakesOf({
    ...GOOD,
    PUBLIC_URL: 'http://mail.example.com',
    PORT: '70000',
    ADMIN_TOKEN: 'short',
    GOOGLE_CLIENT_SECRET: '',
    MAX_BODY: '8 MB',
    SESSION_TTL: '7',
    WORKER_LIMIT: '-1',
    DEFAULT_LEVEL: 'everything',
    LOG_LEVEL: 'loud'
  })
  t.equal(wrong.length, 9)
  t.match(wrong.join('\n'), 'PUBLIC_URL must be https')
  t.match(wrong.join('\n'), 'PORT must be a whole number from 0 to 65535')
  t.match(wrong.join('\n'), 'MAX_BODY must be a size such as')
  t.match(wrong.join('\n'), 'SESSION_TTL must be a duration such as')
  t.match(wrong.join('\n'), 'GOOGLE_CLIENT_SECRET is not set', 'empty is not set')
  t.notMatch(wrong.join('\n'), 'short', 'no value is repeated')
})

t.test('durations, sizes and origins', async (t) => {
  const read = (settings: Record<string, string>) => readConfig({ ...GOOD, ...settings })
  for (const [text, ms] of [
    ['250ms', 250],
    ['2s', 2000],
    ['10m', 600_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000]
  ] as const)
    t.equal(read({ WORKER_IDLE: text }).WORKER_IDLE, ms)
  for (const [text, bytes] of [
    ['10B', 10],
    ['64KiB', 65_536],
    ['96MiB', 100_663_296],
    ['2GiB', 2_147_483_648]
  ] as const)
    t.equal(read({ MAX_BODY: text }).MAX_BODY, bytes)
  for (const text of ['1.5s', '10 m', '10M', 's', '-1s', '1e3s', '10mm'])
    t.equal(mistakesOf({ ...GOOD, WORKER_IDLE: text }).length, 1, text)
  for (const text of [
    'http://localhost:3006',
    'http://127.0.0.1:1',
    'http://[::1]:9',
    'https://a.b/'
  ])
    t.equal(read({ PUBLIC_URL: text }).PUBLIC_URL, new URL(text).origin)
  for (const text of [
    'https://a.b/mcp',
    'https://u@a.b',
    'ftp://a.b',
    'a.b',
    'http://localhost.evil'
  ])
    t.equal(mistakesOf({ ...GOOD, PUBLIC_URL: text }).length, 1, text)
  t.same(read({ ALLOWED_DOMAINS: ' a.b, ,c.d,' }).ALLOWED_DOMAINS, ['a.b', 'c.d'])
})

t.test('secrets may stand in files', async (t) => {
  const directory = t.testdir({
    token: `fedcba9876543210fedcba98765432\n`,
    short: 'x',
    web: JSON.stringify({ web: { client_id: 'web id', client_secret: 'web secret' } }),
    installed: JSON.stringify({ installed: { client_id: 'i', client_secret: 's' } }),
    odd: '{"installed":{}}'
  })
  for (const name of ['token', 'short']) chmodSync(join(directory, name), 0o400)
  const { ADMIN_TOKEN: _, GOOGLE_CLIENT_ID: __, GOOGLE_CLIENT_SECRET: ___, ...rest } = GOOD
  const given = {
    ...rest,
    ADMIN_TOKEN_FILE: join(directory, 'token'),
    GMAIL_OAUTH_PATH: join(directory, 'web')
  }
  t.match(readConfig(given), {
    ADMIN_TOKEN: 'fedcba9876543210fedcba98765432',
    GOOGLE_CLIENT_ID: 'web id',
    GOOGLE_CLIENT_SECRET: 'web secret'
  })
  t.match(readConfig({ ...given, GMAIL_OAUTH_PATH: join(directory, 'installed') }), {
    GOOGLE_CLIENT_ID: 'i'
  })
  t.match(readConfig({ ...given, GOOGLE_CLIENT_ID: 'mine' }), { GOOGLE_CLIENT_ID: 'mine' })

  const lines = mistakesOf({
    ...rest,
    ADMIN_TOKEN_FILE: join(directory, 'nowhere'),
    GMAIL_OAUTH_PATH: join(directory, 'odd')
  })
  t.match(lines.join('\n'), /ADMIN_TOKEN_FILE names a file that cannot be read \(ENOENT\)\./)
  t.match(lines.join('\n'), /GMAIL_OAUTH_PATH names a file that is not a Google OAuth client/)
  t.notMatch(lines.join('\n'), /ADMIN_TOKEN is not set|GOOGLE_CLIENT_ID is not set/, 'told once')
  t.equal(mistakesOf({ ...given, ADMIN_TOKEN_FILE: join(directory, 'short') }).length, 1)
  writeFileSync(join(directory, 'closed'), 'x'.repeat(30))
  chmodSync(join(directory, 'closed'), 0)
  if (process.getuid?.() !== 0)
    t.equal(mistakesOf({ ...given, ADMIN_TOKEN_FILE: join(directory, 'closed') }).length, 1)
})

// Docker and Kubernetes mount secrets of a user that is not root for a group:
// https://kubernetes.io/docs/tasks/configure-pod-container/security-context/ (fsGroup).
t.test('a secret that everybody can read is none; one that a group can read is warned of', (t) => {
  const directory = t.testdir({ token: '0123456789abcdef0123456789abcdef\n' })
  const path = join(directory, 'token')
  const { ADMIN_TOKEN: _, GOOGLE_CLIENT_SECRET: __, ...rest } = GOOD
  for (const name of ['ADMIN_TOKEN', 'GOOGLE_CLIENT_SECRET']) {
    const given = { ...GOOD, ...rest, [name]: undefined, [`${name}_FILE`]: path }
    for (const mode of [0o644, 0o604, 0o620, 0o602]) {
      chmodSync(path, mode)
      t.match(mistakesOf(given), [
        new RegExp(`${name}_FILE names a file that other users can open`)
      ])
    }
    for (const mode of [0o400, 0o600, 0o440, 0o640]) {
      chmodSync(path, mode)
      const said: string[] = []
      readConfig(given, (sentence) => said.push(sentence))
      t.equal(said.length, (mode & 0o040) === 0 ? 0 : 1, mode.toString(8))
      for (const one of said)
        t.match(one, `${name}_FILE names a file that its group can read; run chmod 0400`)
    }
  }
  t.end()
})

t.test('what holds a secret is kept from workers, and nothing else', (t) => {
  const directory = t.testdir({
    token: '0123456789abcdef0123456789abcdef',
    url: 'sqlite:x.sqlite',
    emails: 'ada@example.com',
    level: 'info',
    'client.json': '{"web":{"client_id":"i","client_secret":"s"}}'
  })
  const at = (name: string) => join(directory, name)
  for (const name of ['token', 'url']) chmodSync(at(name), 0o400)
  const { secretFiles } = readConfig({
    ...GOOD,
    SECRETS_FILE: at('keys.json'),
    METRICS_TOKEN_FILE: at('token'),
    DATABASE_URL_FILE: at('url'),
    ALLOWED_EMAILS_FILE: at('emails'),
    LOG_LEVEL_FILE: at('level'),
    GMAIL_OAUTH_PATH: at('client.json')
  })
  t.same(secretFiles, ['keys.json', 'token', 'url', 'client.json'].map(at))
  t.end()
})

t.test('an allow list that names nobody is no list for everybody', (t) => {
  const directory = t.testdir({
    empty: '',
    out: '# ada@example.com has left\n',
    ben: 'ben@example.com'
  })
  const at = (name: string) => join(directory, name)
  for (const name of ['empty', 'out'])
    for (const list of ['ALLOWED_EMAILS_FILE', 'ALLOWED_DOMAINS_FILE'])
      t.match(mistakesOf({ ...GOOD, [list]: at(name) }), [
        /name nobody, and would let everybody in/
      ])
  t.match(mistakesOf({ ...GOOD, ALLOWED_EMAILS: ',' }), [/name nobody/])
  const either = { ALLOWED_EMAILS_FILE: at('ben'), ALLOWED_DOMAINS_FILE: at('empty') }
  t.same(readConfig({ ...GOOD, ...either }).ALLOWED_EMAILS, ['ben@example.com'])
  t.same(
    readConfig({ ...GOOD, ALLOWED_EMAILS: '' }).ALLOWED_EMAILS,
    [],
    'not set, and told at the start'
  )
  t.end()
})

t.test('a setting that is misspelt is told, with what was meant', (t) => {
  for (const [given, meant] of [
    ['ALLOWED_DOMAIN', 'ALLOWED_DOMAINS'],
    ['ALLOWED_EMAIL', 'ALLOWED_EMAILS'],
    ['TRUSTED_PROXY', 'TRUST_PROXY'],
    ['ADMIN_TOKEN_FIEL', 'ADMIN_TOKEN_FILE'],
    ['worker_limit', 'WORKER_LIMIT']
  ])
    t.match(mistakesOf({ ...GOOD, [String(given)]: 'x' }), [
      `${given} is no setting; did you mean ${meant}?`
    ])
  for (const name of [
    'PATH',
    'HOME',
    'HOSTNAME',
    'HTTP_PROXY',
    'https_proxy',
    'DEMO_PORT',
    'OTEL_SDK'
  ])
    t.same(mistakesOf({ ...GOOD, [name]: 'http://127.0.0.1:1' }), [], name)
  t.end()
})

const PEERED = {
  PEER_URL: 'https://localhost:3007',
  PEER_CERT: TEST_CERTIFICATE,
  PEER_KEY: TEST_KEY,
  PEER_CA: TEST_CERTIFICATE,
  DATABASE_URL: 'postgres://localhost/gateway'
}

t.test('what a gateway shows to others is its own, and for its name', (t) => {
  t.ok(peerKeysOf(readConfig({ ...GOOD, ...PEERED })))
  t.equal(peerKeysOf(readConfig(GOOD)), undefined)
  for (const [settings, says] of [
    [{ PEER_URL: 'https://10.0.0.5:3007' }, /PEER_CERT is not for 10\.0\.0\.5/],
    [{ PEER_KEY: TEST_CERTIFICATE }, /PEER_CERT, PEER_KEY and PEER_CA are no certificate/]
  ] as const)
    t.throws(() => peerKeysOf({ ...PEERED, ...settings }), { code: 'ERR_CONFIG', message: says })
  t.end()
})

t.test('what would hang, crash or be guessed is refused', (t) => {
  for (const [settings, says] of [
    [{ PORT: '3000', OPS_PORT: '3000' }, /OPS_PORT must be another port than PORT/],
    [{ CALLBACK_PORTS: '3006' }, /CALLBACK_PORTS must not name 3006/],
    [{ TRUST_PROXY: 'nginx' }, /TRUST_PROXY must list addresses or networks/],
    [{ TRUST_PROXY: '10.0.0.0/33' }, /TRUST_PROXY must list/],
    [{ TRUST_PROXY: '10.0.0.0/8,10.1' }, /TRUST_PROXY must list/],
    [{ WORKER_MEMORY: '16MiB' }, /WORKER_MEMORY must be at least 96MiB/],
    [{ QUEUE_WAIT: '30d' }, /QUEUE_WAIT must be at most 24h/],
    [{ ADMIN_TOKEN: 'x'.repeat(30) }, /ADMIN_TOKEN must be random/],
    [{ ADMIN_TOKEN: 'changeme'.repeat(4) }, /ADMIN_TOKEN must be random/],
    [{ METRICS_TOKEN: 'short' }, /METRICS_TOKEN must have at least 24/],
    [{ METRICS_TOKEN: GOOD.ADMIN_TOKEN }, /METRICS_TOKEN must be another word/],
    [{ HEADERS_TIMEOUT: '2m' }, /HEADERS_TIMEOUT must not be longer/],
    [{ ...PEERED, PEER_CERT: '' }, /PEER_URL needs PEER_CERT_FILE, PEER_KEY_FILE and PEER_CA_FILE/],
    [{ ...PEERED, DATABASE_URL: 'sqlite:a.db' }, /PEER_URL needs a PostgreSQL database/],
    [{ ...PEERED, PEER_URL: 'http://localhost:3007' }, /PEER_URL must be https/],
    [{ ...PEERED, PEER_PORT: '3006' }, /PEER_PORT must be another port/],
    [{ ...PEERED, PEER_CA: 'ca.pem' }, /PEER_CA must be in PEM form/]
  ] as const)
    t.match(mistakesOf({ ...GOOD, ...settings }), [says])
  for (const TRUST_PROXY of ['loopback', '10.0.0.0/8, ::1,fd00::/8', '192.0.2.1'])
    t.same(mistakesOf({ ...GOOD, TRUST_PROXY }), [])
  t.end()
})

t.test('tools are named as they are, and what is unknown is told with what there is', (t) => {
  const read = (settings: Record<string, string>) => readConfig({ ...GOOD, ...settings })
  t.same(read({}).TOOL_SETS, { set: 'all', modes: [] })
  t.same(read({ TOOL_SETS: 'no-delete, core' }).TOOL_SETS, { set: 'core', modes: ['no-delete'] })
  t.same(read({ DISABLED_TOOLS: 'trash_email,sign_out' }).DISABLED_TOOLS, [
    'trash_email',
    'sign_out'
  ])
  t.same(read({}).ASK_FIRST, ['forwarding-filters'])
  t.throws(
    () => read({ ASK_FIRST: 'everything' }),
    /ASK_FIRST names no risk: everything\. There are: outside-domain, new-recipients, forwarding/
  )
  t.same(read({ ALLOWED_RECIPIENTS: '@acme.test, a@b.test' }).ALLOWED_RECIPIENTS, [
    '@acme.test',
    'a@b.test'
  ])
  t.throws(
    () => read({ ALLOWED_RECIPIENTS: 'acme.test' }),
    /ALLOWED_RECIPIENTS must list addresses/
  )
  t.throws(
    () => read({ TOOL_SETS: 'cor' }),
    /TOOL_SETS names no set or mode: cor \(did you mean core\?\)\. There are: core, extended, all, read-only/
  )
  t.throws(
    () => read({ TOOL_SETS: 'core,all' }),
    /TOOL_SETS must name one of core, extended, all at most/
  )
  t.throws(
    () => read({ DISABLED_TOOLS: 'sendemail' }),
    /DISABLED_TOOLS names no tool: sendemail \(did you mean send_email\?\)\. There are: search_emails, /
  )
  t.end()
})
