import { GatewayError } from '#shared/errors.ts'
import { type Config, readConfig } from '../../gateway/config/config.ts'
import { type Environment, readStoreSettings } from '../../gateway/config/setting-files.ts'
import { nodeWarning } from '../../gateway/config/supported-node.ts'
import { checkedConfig } from '../../gateway/wiring/checked-config.ts'
import { type Finding, fail, ok, skip, warn } from './finding.ts'
import { isRunning, lookAtPorts, lookAtRunning, tryWalls } from './look-at-gateway.ts'
import { lookAtGoogle } from './look-at-google.ts'
import { lookAtPublicUrl } from './look-at-public-url.ts'
import { lookAtStore } from './look-at-store.ts'

/** Of Node's own, from package.json's `engines`. */
const LEAST_NODE = [24, 12] as const
const UNTRIED = skip('walls', 'The walls are not tried before the settings are right.')

/**
 * Looks at everything that a gateway with this environment stands on, beside a running one or before the first
 * start; changes nothing. Never rejects for what is wrong with them.
 */
export async function examine(environment: Environment): Promise<Finding[]> {
  const { config, findings } = lookAtSettings(environment)
  const first = [...findings, lookAtNode()]
  if (!config) return [...first, ...(await withoutConfig(environment))]
  const isRight = findings.every(({ level }) => level !== 'fail')
  const running = await isRunning(config)
  const [store, google, open] = await Promise.all([
    lookAtStore(config),
    lookAtGoogle(config),
    lookAtPublicUrl(config, running)
  ])
  // Last: what went through the proxy just now is in what the gateway says.
  const gateway = running
    ? await lookAtRunning(config, environment)
    : [...(await lookAtPorts(config)), ...(isRight ? await tryWalls(environment) : [UNTRIED])]
  return once([...first, lookAtAllowed(config), ...store, ...google, ...open, ...gateway])
}

/** Each sentence once: what is wrong with a file may be met more than once. */
const once = (findings: readonly Finding[]): Finding[] =>
  findings.filter(({ said }, i) => findings.findIndex((other) => other.said === said) === i)

function lookAtSettings(environment: Environment): { config?: Config; findings: Finding[] } {
  const warned: Finding[] = []
  const hear = (sentence: string): void => void warned.push(warn('settings', sentence))
  try {
    const config = checkedConfig(hear, environment)
    return {
      config,
      findings: warned.length > 0 ? warned : [ok('settings', 'The settings are right.')]
    }
  } catch (error) {
    const findings = mistakesIn(error)
    // What stands in files may be wrong while the settings are right: then the rest can be looked at.
    return { ...configIn(environment), findings: [...findings, ...warned] }
  }
}

function configIn(environment: Environment): { config?: Config } {
  try {
    return { config: readConfig(environment) }
  } catch {
    return {}
  }
}

function mistakesIn(error: unknown): Finding[] {
  if (!(error instanceof GatewayError) || error.code !== 'ERR_CONFIG') throw error
  const [, ...lines] = error.message.split('\n')
  return lines.map((line) => fail('settings', line.replace(/^\s*- /, '')))
}

/** The database can be looked at all the same, when it is named. */
async function withoutConfig(environment: Environment): Promise<Finding[]> {
  const store = await lookAtNamedStore(environment)
  const rest =
    'Not looked at before the settings are right: Google, PUBLIC_URL, the gateway, walls.'
  return [...store, skip('rest', rest)]
}

async function lookAtNamedStore(environment: Environment): Promise<Finding[]> {
  try {
    const { DATABASE_URL, SECRETS_FILE } = readStoreSettings(environment)
    return SECRETS_FILE === undefined ? [] : await lookAtStore({ DATABASE_URL, SECRETS_FILE })
  } catch {
    return [] // what is wrong with the file is among the settings
  }
}

function lookAtNode(): Finding {
  const { node } = process.versions
  const [major = 0, minor = 0] = node.split('.').map(Number)
  const [leastMajor, leastMinor] = LEAST_NODE
  if (major < leastMajor || (major === leastMajor && minor < leastMinor))
    return fail(
      'node',
      `Node ${node} is too old: the gateway needs ${LEAST_NODE.join('.')} or later.`
    )
  const outdated = nodeWarning(node)
  return outdated === undefined ? ok('node', `Node ${node}.`) : warn('node', outdated)
}

function lookAtAllowed({ ALLOWED_EMAILS, ALLOWED_DOMAINS }: Config): Finding {
  const [emails, domains] = [ALLOWED_EMAILS.length, ALLOWED_DOMAINS.length]
  if (emails + domains > 0)
    return ok(
      'people',
      `Those may sign in whom the allow lists name: ${emails} addresses, ${domains} domains.`
    )
  return warn(
    'people',
    'Everybody whom the Google project lets in may sign in: ALLOWED_EMAILS or ALLOWED_DOMAINS would name them.'
  )
}
