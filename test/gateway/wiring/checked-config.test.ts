import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createKeyring, writeKeyring } from '../../../gateway/accounts/keyring.ts'
import { checkedConfig } from '../../../gateway/wiring/checked-config.ts'
import { openGatewayHome } from '../../helpers/gateway-home.ts'

const RIGHT = {
  PUBLIC_URL: 'https://mail.example.com',
  ADMIN_TOKEN: '0123456789abcdef01234567',
  GOOGLE_CLIENT_ID: 'id',
  GOOGLE_CLIENT_SECRET: 'secret'
}

/** A setting that is wrong, and what an operator reads of it. */
const WRONG: [name: string, value: string, says: RegExp][] = [
  ['PUBLIC_URL', 'mail.example.com', /must be a URL such as/],
  ['PUBLIC_URL', 'http://mail.example.com', /must be https/],
  ['PUBLIC_URL', 'https://mail.example.com/mcp', /must be an origin/],
  ['PORT', '65536', /whole number from 0 to 65535/],
  ['PORT', ' 3006', /whole number/],
  ['OPS_PORT', '3006', /another port than PORT/],
  ['CALLBACK_PORTS', '4100,3006', /must not name 3006/],
  ['CALLBACK_PORTS', '4100,4100', /each port once/],
  ['CALLBACK_PORTS', '4100;4200', /whole number/],
  ['ADMIN_TOKEN', 'hunter2', /at least 24 characters/],
  ['ADMIN_TOKEN', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaa', /must be random/],
  ['METRICS_TOKEN', RIGHT.ADMIN_TOKEN, /another word than ADMIN_TOKEN/],
  ['TRUST_PROXY', 'nginx', /addresses or networks/],
  ['TRUST_PROXY', '10.0.0.0/33', /addresses or networks/],
  ['TRUST_PROXY', 'true', /addresses or networks/],
  ['ALLOWED_EMAILS', 'anna', /addresses of mail/],
  ['ALLOWED_EMAILS', 'anna@example.com ben@example.com', /addresses of mail/],
  ['ALLOWED_DOMAINS', '@example.com', /domains such as example\.com, without @/],
  ['ALLOWED_DOMAINS', '*.example.com', /domains such as/],
  ['ALLOWED_HOSTS', 'https://mail.example.com', /without a scheme/],
  ['ALLOWED_ORIGINS', 'app.example.com', /origins such as/],
  ['ALLOWED_ORIGINS', 'https://app.example.com/', /without a path/],
  ['ALLOWED_DOMAIN', 'example.com', /is no setting; did you mean ALLOWED_DOMAINS\?/],
  ['WORKERS_LIMIT', '20', /did you mean WORKER_LIMIT\?/],
  ['LOGLEVEL', 'debug', /did you mean LOG_LEVEL\?/],
  ['WORKER_MEMORY', '16MiB', /at least 96MiB/],
  ['WORKER_MEMORY', '512MB', /size such as/],
  ['WORKER_LIMIT', '0', /whole number from 1/],
  ['WORKER_UIDS', '200000', /range of user ids/],
  ['WORKER_UIDS', '200999-200000', /range such as/],
  ['ISOLATION', 'docker', /must be auto, namespaces, uids or none/],
  ['MAX_BODY', '0B', /more than 0/],
  ['CALL_TIMEOUT', '0s', /more than 0/],
  ['CALL_TIMEOUT', '25h', /at most 24h/],
  ['HEADERS_TIMEOUT', '2m', /not be longer than REQUEST_TIMEOUT/],
  ['SESSION_TTL', '7', /duration such as/],
  ['SESSION_TTL', '99999999d', /at most 36500d/],
  ['SESSION_TTL', '99999999999999999999d', /duration such as/],
  ['REFRESH_GRACE', '1h', /at most 10m/],
  ['HTTPS_PROXY', 'proxy.example.com:3128', /URL of an HTTP proxy/],
  ['OPERATOR_CONTACT', 'call me', /address of mail, or a URL/],
  ['SERVICE_NAME', 'Mail\nFree money', /one line/],
  ['DEFAULT_LEVEL', 'everything', /gmail\.read/],
  ['SIGN_IN_BY_TOOL', 'yes', /must be on or off/],
  ['DATABASE_URL', 'mysql://x', /DATABASE_URL/],
  ['SECRETS_FILE', '/nowhere/keys.json', /no such file; make one with npm run secrets/],
  ['OPERATORS_FILE', '/nowhere/operators.json', /OPERATORS_FILE/],
  ['ADMIN_TOKEN_FILE', '/nowhere/token', /cannot be read \(ENOENT\)/],
  ['GMAIL_OAUTH_PATH', '/nowhere/client.json', /cannot be read \(ENOENT\)/],
  ['LOG_LEVEL', 'verbose', /LOG_LEVEL/]
]

t.test('each wrong setting is named in a sentence, whatever else is wrong', async (t) => {
  const SECRETS_FILE = join(t.testdir(), 'keys.json')
  writeKeyring(SECRETS_FILE, createKeyring())
  const complaints = (changes: Record<string, string>): string[] => {
    try {
      checkedConfig(() => {}, { ...RIGHT, SECRETS_FILE, ...changes })
      return []
    } catch (error) {
      t.match(error, { code: 'ERR_CONFIG' })
      return error instanceof Error ? error.message.split('\n').slice(1) : []
    }
  }
  t.same(complaints({}), [], 'nothing is wrong with the others')
  for (const [name, value, says] of WRONG) {
    const alone = complaints({ [name]: value })
    t.equal(alone.length, 1, `${name}=${value}: ${alone.join()}`)
    t.match(alone[0], says)
    t.match(alone[0], name, 'by its name')
    const others = name === 'QUEUE_WAIT' ? {} : { QUEUE_WAIT: 'soon', STREAMS_PER_USER: 'many' }
    t.equal(complaints({ [name]: value, ...others }).length, 3, `${name}=${value}: all at once`)
  }
})

t.test('lists that are right are taken', (t) => {
  const SECRETS_FILE = join(t.testdir(), 'keys.json')
  writeKeyring(SECRETS_FILE, createKeyring())
  const config = checkedConfig(() => {}, {
    ...RIGHT,
    SECRETS_FILE,
    ALLOWED_EMAILS: 'Anna@example.com, o’hara@bücher.example',
    ALLOWED_DOMAINS: 'example.com,bücher.example,a.b.co.uk',
    ALLOWED_HOSTS: 'mail.example.com,10.0.0.5:3006,[::1]:3006,gateway_1',
    ALLOWED_ORIGINS: 'https://app.example.com,http://localhost:6274,vscode-webview://abc'
  })
  t.equal(config.ALLOWED_DOMAINS.length, 3)
  t.equal(config.ALLOWED_HOSTS.length, 4)
  t.equal(config.ALLOWED_ORIGINS.length, 3)
  t.end()
})

t.test('the program ends with 78 and all sentences at once; --check does the same', async (t) => {
  const home = await openGatewayHome(t, { users: 0, settings: {} })
  const open = join(t.testdir(), 'keys.json')
  writeFileSync(open, '{}')
  chmodSync(open, 0o644)
  const wrong = { TRUST_PROXY: 'nginx', WORKER_MEMORY: '16MiB', SECRETS_FILE: open, OPS_PORT: '1' }
  const gateway = home.start({ ...wrong, PORT: '1' })
  t.equal(await gateway.gone, 78)
  for (const words of [/TRUST_PROXY/, /WORKER_MEMORY/, /SECRETS_FILE/, /OPS_PORT must be another/])
    t.match(gateway.output(), words)
  for (const [name, value, words] of [
    ['RUN_DIR', join(open, 'run'), /RUN_DIR must be a directory/],
    ['HOST', 'no-such-host.invalid', /name that cannot be looked up/]
  ] as const) {
    const other = home.start({ LOG_LEVEL: 'silent', [name]: value })
    t.equal(await other.gone, 78, name)
    t.match(other.output(), words)
  }
})
