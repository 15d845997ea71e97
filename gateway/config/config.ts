/** Settings from the environment. The only reader of `process.env`. */
import { totalmem } from 'node:os'
import * as z from 'zod'
import { AccessLevel } from '#shared/access-levels.ts'
import { GatewayError } from '#shared/errors.ts'
import { nearNames } from '#shared/near-names.ts'
import { SIGN_IN_TOOL_NAMES, TOOL_NAMES } from '#shared/tool-names.ts'
import { type OperatorPolicy, RISKS, TOOL_MODES, TOOL_SETS } from '#shared/tool-policy.ts'
import {
  among,
  contact,
  domains,
  duration,
  emails,
  hosts,
  line,
  list,
  onOff,
  origin,
  origins,
  pem,
  port,
  ports,
  proxies,
  proxyUrl,
  recipients,
  size,
  some,
  timer,
  token,
  whole
} from './parsers.ts'
import {
  DATABASE_URL_DEFAULT,
  type Environment,
  FILE_SETTINGS,
  SECRET_FILES,
  withFiles
} from './setting-files.ts'
import { readTraceSettings, type TraceSettings } from './trace-settings.ts'

const WORKER_MEMORY_DEFAULT = 256 * 2 ** 20
const LEAST_WORKER_MEMORY = 96 * 2 ** 20
/** Half of the machine for workers, counted at what a busy one needs. */
const workersThatFit = (): number => Math.max(4, Math.floor(memory() / 2 / (96 * 2 ** 20)))

/** Of the container, where there is one with a limit. */
const memory = (): number => Math.min(totalmem(), process.constrainedMemory() || totalmem())

/** One set at most, and modes. */
const toolSets = among([...TOOL_SETS, ...TOOL_MODES], 'set or mode')
  .refine(
    (words) => TOOL_SETS.filter((set) => words.includes(set)).length <= 1,
    `must name one of ${TOOL_SETS.join(', ')} at most`
  )
  .transform((words) => ({
    set: TOOL_SETS.find((set) => words.includes(set)) ?? 'all',
    modes: TOOL_MODES.filter((mode) => words.includes(mode))
  }))
  .default({ set: 'all', modes: [] })

export const Settings = z.object({
  PUBLIC_URL: origin,
  PORT: port.default(3006),
  HOST: z.string().default('127.0.0.1'),
  OPS_PORT: port.default(9464),
  OPS_HOST: z.string().default('127.0.0.1'),
  OPS_HOSTS: list.default([]),
  ADMIN_TOKEN: token.optional(),
  METRICS_TOKEN: token.optional(),
  OPERATORS_FILE: z.string().optional(),
  GOOGLE_CLIENT_ID: z.string().min(1),
  GOOGLE_CLIENT_SECRET: z.string().min(1),
  GOOGLE_ISSUER_URL: origin.default('https://accounts.google.com'),
  GMAIL_API_URL: origin.default('https://gmail.googleapis.com'),
  GMAIL_UNITS: whole(100, 1_000_000).default(6000),
  GMAIL_PROJECT_UNITS: whole(100, 100_000_000).default(1_200_000),
  HTTPS_PROXY: proxyUrl.optional(),
  NO_PROXY: list.default([]),
  SECRETS_FILE: z.string().min(1),
  DATABASE_URL: z.string().default(DATABASE_URL_DEFAULT),
  DATABASE_POOL: whole(2, 200).default(10),
  PEER_URL: origin.optional(),
  PEER_HOST: z.string().default('0.0.0.0'),
  PEER_PORT: port.default(3007),
  PEER_CERT: pem.optional(),
  PEER_KEY: pem.optional(),
  PEER_CA: pem.optional(),
  RUN_DIR: z.string().optional(),
  ALLOWED_EMAILS: emails.default([]),
  ALLOWED_DOMAINS: domains.default([]),
  ALLOWED_HOSTS: hosts.default([]),
  ALLOWED_ORIGINS: origins.default([]),
  CALLBACK_PORTS: ports.default([]),
  TRUST_PROXY: proxies.default([]),
  SERVICE_NAME: line(60).default('Gmail gateway'),
  OPERATOR_CONTACT: contact.optional(),
  DEFAULT_LEVEL: AccessLevel.default('gmail.modify'),
  LIST_HIGHER_TOOLS: onOff.default(true),
  TOOL_SETS: toolSets,
  DISABLED_TOOLS: among([...TOOL_NAMES, ...SIGN_IN_TOOL_NAMES], 'tool').default([]),
  ASK_FIRST: among(RISKS, 'risk').default(['forwarding-filters']),
  ALLOWED_RECIPIENTS: recipients.default([]),
  CLIENT_DOCUMENTS: z.enum(['on', 'off', 'auto'], 'must be on, off or auto').default('auto'),
  DYNAMIC_REGISTRATION: onOff.default(true),
  REFRESH_GRACE: duration.refine((ms) => ms <= 600_000, 'must be at most 10m').default(30_000),
  SIGN_IN_BY_TOOL: onOff.default(false),
  SIGN_IN_BY_TOOL_TTL: duration.refine(...some).default(86_400_000),
  TOKENS_BY_TOOL: onOff.default(false),
  HTTP_SSE: onOff.default(false),
  WEBSOCKET: onOff.default(false),
  MAX_BODY: size.refine(...some).default(8 * 2 ** 20),
  HEADERS_TIMEOUT: timer.refine(...some).default(10_000),
  REQUEST_TIMEOUT: timer.refine(...some).default(60_000),
  READ_TIMEOUT: timer.refine(...some).default(60_000),
  ANSWERS_PER_USER: size.refine(...some).default(8 * 2 ** 20),
  ANSWERS_LIMIT: size.refine(...some).default(256 * 2 ** 20),
  SESSION_TTL: duration.refine(...some).default(7 * 86_400_000),
  AUDIT_TTL: duration.refine(...some).default(365 * 86_400_000),
  AUDIT_ROWS: whole(1000, 100_000_000).default(1_000_000),
  SESSIONS_PER_USER: whole(1, 10_000).default(32),
  STREAMS_PER_USER: whole(1, 10_000).default(32),
  CALL_TIMEOUT: timer.refine(...some).default(300_000),
  CALLS_PER_USER: whole(1, 10_000).default(64),
  CALL_RATE: whole(1, 100_000).default(50),
  CALL_BURST: whole(1, 100_000).default(500),
  WORKER_LIMIT: whole(1, 100_000).optional(),
  WORKER_IDLE: duration.default(600_000),
  WORKER_MEMORY: size
    .refine(
      (bytes) => bytes >= LEAST_WORKER_MEMORY,
      'must be at least 96MiB: a worker needs that to start'
    )
    .default(WORKER_MEMORY_DEFAULT),
  WORKER_START_TIMEOUT: timer.refine(...some).default(10_000),
  WORKER_STARTS: whole(1, 1000).default(8),
  WORKER_UIDS: z
    .string()
    .regex(/^\d+-\d+$/, 'must be a range of user ids such as 200000-200999')
    .optional(),
  ISOLATION: z
    .enum(['auto', 'namespaces', 'uids', 'none'], 'must be auto, namespaces, uids or none')
    .default('auto'),
  WARM_WORKERS: whole(0, 1000).default(1),
  QUEUE_LIMIT: whole(1, 100_000).default(256),
  QUEUE_WAIT: timer.default(10_000),
  DRAIN_TIMEOUT: timer.default(10_000),
  WORKER_ENTRY: z.string().optional(),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info')
})

export type Config = Omit<z.infer<typeof Settings>, 'WORKER_LIMIT'> & {
  WORKER_LIMIT: number
  /** The files that hold keys, tokens or passwords: nobody else may read them. */
  secretFiles: readonly string[]
  /** Where traces go; undefined: nowhere, and nothing of them is loaded. */
  traces: TraceSettings | undefined
}

/** What the operator lets tools do. */
export const operatorPolicy = ({
  TOOL_SETS: { set, modes },
  DISABLED_TOOLS: disabled,
  ASK_FIRST: confirm,
  ALLOWED_RECIPIENTS: recipients
}: Pick<
  Config,
  'TOOL_SETS' | 'DISABLED_TOOLS' | 'ASK_FIRST' | 'ALLOWED_RECIPIENTS'
>): OperatorPolicy => ({
  ...{ set, modes, disabled, confirm, recipients }
})

/**
 * Reads and checks every setting. Throws one GatewayError ERR_CONFIG whose message lists all that is
 * missing or wrong, a line each, with what to do. `warn` hears of what is allowed and should not be; `lookInto` adds
 * what is wrong with the files that the settings, as they were given, name.
 */
export function readConfig(
  environment: Environment = process.env,
  warn: (sentence: string) => void = () => {},
  lookInto: (given: Readonly<Record<string, string>>) => readonly string[] = () => []
): Config {
  const mistakes = misspelt(environment)
  const given = withFiles(environment, mistakes, warn)
  const { data, error } = Settings.safeParse(given)
  for (const issue of error?.issues ?? []) {
    const name = String(issue.path[0])
    if (isTold(name, mistakes)) continue
    mistakes.push(
      given[name] === undefined
        ? `${name} is not set. ${HOW[name] ?? ''}`.trim()
        : `${name} ${issue.message}.`
    )
  }
  const isOperated = given.ADMIN_TOKEN !== undefined || given.OPERATORS_FILE !== undefined
  if (!isOperated && !isTold('ADMIN_TOKEN', mistakes))
    mistakes.push(`ADMIN_TOKEN is not set. ${HOW.ADMIN_TOKEN}`)
  if (data) mistakes.push(...emptyLists(given, data))
  mistakes.push(...contradictions(data ?? rightOnes(given, error)), ...lookInto(given))
  if (!data || mistakes.length > 0) throw wrongSettings(mistakes)
  const secretFiles = SECRET_FILES.flatMap((name) => given[name] ?? [])
  const traces = readTraceSettings(environment, warn)
  return { ...data, WORKER_LIMIT: data.WORKER_LIMIT ?? workersThatFit(), secretFiles, traces }
}

/** As an operator reads it: all at once, a line each. */
const wrongSettings = (mistakes: readonly string[]): GatewayError =>
  new GatewayError(
    'ERR_CONFIG',
    `Wrong settings:\n${mistakes.map((mistake) => `  - ${mistake}`).join('\n')}`
  )

const Some = Settings.partial()

/** Those that are right by themselves, where others are not. */
function rightOnes(
  given: Readonly<Record<string, string>>,
  error: z.ZodError | undefined
): z.infer<typeof Some> {
  const wrong = new Set(error?.issues.map(({ path }) => String(path[0])))
  return Some.parse(Object.fromEntries(Object.entries(given).filter(([name]) => !wrong.has(name))))
}

/** A file that was emptied, or is just being written, must not open the door that its list kept shut. */
const emptyLists = (
  given: Readonly<Record<string, string>>,
  { ALLOWED_EMAILS, ALLOWED_DOMAINS }: Pick<Config, 'ALLOWED_EMAILS' | 'ALLOWED_DOMAINS'>
): string[] => {
  const isGiven = given.ALLOWED_EMAILS !== undefined || given.ALLOWED_DOMAINS !== undefined
  if (!isGiven || ALLOWED_EMAILS.length + ALLOWED_DOMAINS.length > 0) return []
  return [
    'ALLOWED_EMAILS and ALLOWED_DOMAINS name nobody, and would let everybody in: name somebody, or leave both out if everybody is meant.'
  ]
}

/** Settings that are right each and wrong together. */
function contradictions(config: z.infer<typeof Some>): string[] {
  const { PORT, OPS_PORT, CALLBACK_PORTS = [], ADMIN_TOKEN, METRICS_TOKEN } = config
  const { HEADERS_TIMEOUT = 0, REQUEST_TIMEOUT = Number.POSITIVE_INFINITY } = config
  const found: string[] = []
  if (PORT !== undefined && PORT !== 0 && PORT === OPS_PORT)
    found.push('OPS_PORT must be another port than PORT: what is for operators is for nobody else.')
  for (const port of CALLBACK_PORTS)
    if (port === PORT || port === OPS_PORT)
      found.push(`CALLBACK_PORTS must not name ${port}, which is PORT or OPS_PORT.`)
  if ((config.GMAIL_UNITS ?? 0) > (config.GMAIL_PROJECT_UNITS ?? Number.POSITIVE_INFINITY))
    found.push('GMAIL_UNITS must not be more than GMAIL_PROJECT_UNITS.')
  if (new Set(CALLBACK_PORTS).size < CALLBACK_PORTS.length)
    found.push('CALLBACK_PORTS must name each port once.')
  if (ADMIN_TOKEN !== undefined && ADMIN_TOKEN === METRICS_TOKEN)
    found.push('METRICS_TOKEN must be another word than ADMIN_TOKEN.')
  if (HEADERS_TIMEOUT > REQUEST_TIMEOUT)
    found.push('HEADERS_TIMEOUT must not be longer than REQUEST_TIMEOUT.')
  return [...found, ...contradictionsOfPeers(config)]
}

function contradictionsOfPeers(config: z.infer<typeof Some>): string[] {
  const { PEER_URL, PEER_PORT, PEER_CERT, PEER_KEY, PEER_CA, PORT, OPS_PORT } = config
  if (PEER_URL === undefined) return []
  const found: string[] = []
  if (!PEER_URL.startsWith('https:'))
    found.push('PEER_URL must be https: gateways show each other their certificates.')
  if ([PEER_CERT, PEER_KEY, PEER_CA].includes(undefined))
    found.push(
      'PEER_URL needs PEER_CERT_FILE, PEER_KEY_FILE and PEER_CA_FILE: the certificate and key of this gateway, and the authority that signs those of all gateways and of nobody else.'
    )
  if (config.DATABASE_URL?.startsWith('sqlite:') ?? true)
    found.push('PEER_URL needs a PostgreSQL database in DATABASE_URL: SQLite is for one machine.')
  if (PEER_PORT !== 0 && (PEER_PORT === PORT || PEER_PORT === OPS_PORT))
    found.push('PEER_PORT must be another port than PORT and OPS_PORT.')
  return found
}

/** A name that nobody reads is most likely one that somebody meant to be read. */
function misspelt(environment: Environment): string[] {
  const known = [...Object.keys(Settings.shape), ...FILE_SETTINGS]
  return Object.keys(environment).flatMap((name) => {
    if (known.includes(name) || name.length < 6 || OTHERS.test(name)) return []
    const [near] = nearNames(name, known)
    return near === undefined ? [] : [`${name} is no setting; did you mean ${near}?`]
  })
}

/** Settings of the demo and of other programs. */
const OTHERS = /^(DEMO|SANDBOX|OTEL|NODE|npm)_|^(http|https|ftp|all|no)_proxy$/i

/** Whether what is wrong with a setting follows from a mistake that is on the list already. */
const isTold = (name: string, mistakes: readonly string[]): boolean =>
  mistakes.some(
    (mistake) =>
      mistake.startsWith(name) ||
      (name.startsWith('GOOGLE_CLIENT_') && mistake.startsWith('GMAIL_OAUTH_PATH'))
  )

const HOW: Record<string, string> = {
  PUBLIC_URL: 'Give the URL that people will use, e.g. https://mail.example.com.',
  ADMIN_TOKEN:
    'Give a long random word, e.g. from `openssl rand -hex 32`, or ADMIN_TOKEN_FILE, or OPERATORS_FILE.',
  GOOGLE_CLIENT_ID: 'Give the OAuth client of your Google project, or GMAIL_OAUTH_PATH.',
  GOOGLE_CLIENT_SECRET: 'Give it, or GOOGLE_CLIENT_SECRET_FILE, or GMAIL_OAUTH_PATH.',
  SECRETS_FILE: 'Make one with `npm run secrets -- <file>`.'
}
