import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { GatewayError } from '#shared/errors.ts'
import { readConfig } from '../../gateway/config.ts'

const GOOD = {
  PUBLIC_URL: 'https://mail.example.com',
  ADMIN_TOKEN: 'a'.repeat(24),
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
    token: `${'b'.repeat(30)}\n`,
    short: 'x',
    web: JSON.stringify({ web: { client_id: 'web id', client_secret: 'web secret' } }),
    installed: JSON.stringify({ installed: { client_id: 'i', client_secret: 's' } }),
    odd: '{"installed":{}}'
  })
  const { ADMIN_TOKEN: _, GOOGLE_CLIENT_ID: __, GOOGLE_CLIENT_SECRET: ___, ...rest } = GOOD
  const given = {
    ...rest,
    ADMIN_TOKEN_FILE: join(directory, 'token'),
    GMAIL_OAUTH_PATH: join(directory, 'web')
  }
  t.match(readConfig(given), {
    ADMIN_TOKEN: 'b'.repeat(30),
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
