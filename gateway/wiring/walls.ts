/** How workers are started, and what is kept from them. */

import { randomBytes } from 'node:crypto'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock } from '#shared/clock.ts'
import { VERSION } from '#shared/version.ts'
import type { Config } from '../config/config.ts'
import { extraCaCertificates } from '../config/extra-ca-certificates.ts'
import type { GoogleReachability } from '../health/google-reachability.ts'
import { dialTo } from '../launcher/dial.ts'
import { WORKER_ENV } from '../launcher/node-flags.ts'
import { type OpenedLauncher, openLauncher } from '../launcher/open-launcher.ts'
import { runPaths } from '../launcher/run-paths.ts'
import { parseUidRange } from '../launcher/uid-pool.ts'
import type { Log } from '../telemetry/log.ts'
import { createMetrics, type Metrics } from '../telemetry/metrics.ts'
import { metadataUrlOf } from './addresses.ts'
import { watchGoogle } from './watches.ts'

const PROJECT = fileURLToPath(new URL('../..', import.meta.url))
const WORKER_BUNDLE = join(PROJECT, 'dist/worker/main.mjs')

/** Where real mail is, nobody may look into the gateway. */
const GOOGLES_GMAIL = 'https://gmail.googleapis.com'

/** How workers would be kept apart, and whether one starts: `ok`, or why not. */
export interface WallsTrial {
  readonly isolation: OpenedLauncher['isolation']
  readonly worker: string
}

/**
 * Prepares this machine for workers as a start does, starts one that nobody uses, and leaves nothing running. Rejects
 * with ERR_CONFIG where workers cannot run, or not apart.
 */
export async function tryWalls(config: Config, log: Log): Promise<WallsTrial> {
  const metrics = createMetrics({ version: VERSION })
  const reach = watchGoogle(log, metrics)
  const { launcher, isolation } = await openWorkers(config, log, metrics, reach)
  const launched = launcher.launch()
  const cancel = systemClock.after(config.WORKER_START_TIMEOUT, () => launched.kill('SIGKILL'))
  const worker = await launched.ready.then(
    () => 'ok',
    () => launched.diagnose().trim().split('\n').at(-1) || 'it does not answer.'
  )
  cancel()
  launched.kill('SIGKILL')
  await launched.gone
  await launcher.close()
  return { isolation, worker }
}

/** Prepares this machine for workers, and says how they are kept apart. Rejects with ERR_CONFIG where they cannot be. */
export async function openWorkers(
  config: Config,
  log: Log,
  metrics: Metrics,
  reach: GoogleReachability
): Promise<OpenedLauncher> {
  const opened = await openLauncher({
    clock: systemClock,
    randomHex: (bytes) => randomBytes(bytes).toString('hex'),
    ...runPaths(config.RUN_DIR),
    program:
      config.WORKER_ENTRY === undefined
        ? { entry: WORKER_BUNDLE, readable: [dirname(WORKER_BUNDLE)], isWhole: true }
        : // Another program may use the packages of this one.
          { entry: config.WORKER_ENTRY, readable: [PROJECT], isWhole: false },
    uids: config.WORKER_UIDS === undefined ? undefined : parseUidRange(config.WORKER_UIDS),
    memoryBytes: config.WORKER_MEMORY,
    mustHold: config.GMAIL_API_URL === GOOGLES_GMAIL,
    wanted: config.ISOLATION,
    assets: assetsOf(config),
    // It cannot see what the system's time zone is.
    env: { ...WORKER_ENV, TZ: Intl.DateTimeFormat().resolvedOptions().timeZone },
    dial: dialTo({
      origin: config.GMAIL_API_URL,
      proxy: config.HTTPS_PROXY,
      direct: config.NO_PROXY
    }),
    onDial(result) {
      metrics.gmail.connections.inc({ result })
      if (result === 'failed') reach.failed()
      else reach.answered()
    },
    init: {
      gmailOrigin: config.GMAIL_API_URL,
      certificates: extraCaCertificates(),
      resourceMetadataUrl: metadataUrlOf(config),
      unitsPerMinute: config.GMAIL_UNITS,
      accountUrl: `${config.PUBLIC_URL}/account`,
      listsHigher: config.LIST_HIGHER_TOOLS
    },
    // What a worker prints could quote mail: only that it printed is told.
    onLine: (worker, stream, line) => log.debug({ worker, stream, chars: line.length }, 'output')
  })
  metrics.workers.reaped.inc({}, opened.reaped)
  if (opened.reaped > 0) log.warn({ count: opened.reaped }, 'leftover workers ended')
  metrics.node.isolation.set({ mode: opened.isolation.mode }, 1)
  metrics.node.isolationMissing.set({}, opened.isolation.missing.length)
  if (opened.isolation.mode === 'none')
    log.warn(
      opened.isolation,
      'NOTHING KEEPS WORKERS APART: one that has fallen reaches everybody’s mail'
    )
  else log.info(opened.isolation, 'workers are kept apart')
  return opened
}

/** What a worker must not reach, as far as it lies in files. */
function assetsOf(config: Config) {
  const [, database] = /^sqlite:(.*)$/.exec(config.DATABASE_URL) ?? []
  const { directory } = runPaths(config.RUN_DIR)
  return {
    keys: config.secretFiles.map((path) => resolve(path)),
    databases:
      database === undefined
        ? []
        : [resolve(database), `${resolve(database)}-wal`, `${resolve(database)}-shm`],
    directories: [...(database === undefined ? [] : [dirname(resolve(database))]), directory],
    doors: [
      { host: doorOf(config.HOST), port: config.PORT },
      { host: doorOf(config.OPS_HOST), port: config.OPS_PORT },
      ...(config.PEER_URL === undefined
        ? []
        : [{ host: doorOf(config.PEER_HOST), port: config.PEER_PORT }])
    ]
  }
}

/** Where somebody on this machine comes to what listens on this address. */
const doorOf = (host: string): string => host.replace(/^(0\.0\.0\.0|::)$/, 'localhost')
