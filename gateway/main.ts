/** The gateway as a program: settings from the environment, an end with grace, an exit code that tells. */
import closeWithGrace from 'close-with-grace'
import { GatewayError } from '#shared/errors.ts'
import { reexecNonDumpable } from './launcher/reexec-non-dumpable.ts'
import { runPaths } from './launcher/run-paths.ts'
import { startGateway, tryStart } from './start.ts'
import { createLog } from './telemetry/log.ts'
import { checkedConfig } from './wiring/checked-config.ts'

/** sysexits.h: a service manager should not restart after the first, and may after the second. */
const EX_CONFIG = 78
const EX_UNAVAILABLE = 69
/** What closing may take beyond the calls in flight: first those of our own workers, then those that were passed on. */
const MARGIN_MS = 10_000

/** Leaves the end of the process, and its exit code, to Node. */
let letGo = (): void => {}

try {
  const warned: string[] = []
  const config = checkedConfig((sentence) => warned.push(sentence))
  if (process.argv.includes('--check')) {
    process.stdout.write([...warned, 'The settings are right.', ''].join('\n'))
    process.exit(0)
  }
  reexecNonDumpable(runPaths(config.RUN_DIR).nodeDirectories)
  const log = createLog({ level: config.LOG_LEVEL, isTerminal: process.stdout.isTTY, fd: 1 })
  if (process.argv.includes('--try-walls')) {
    process.stdout.write(`${JSON.stringify(await tryStart(config, log))}\n`)
    process.exit(0)
  }
  const delay = 2 * config.DRAIN_TIMEOUT + MARGIN_MS
  for (const sentence of warned) log.warn(sentence)
  await startGateway(config, log, { reread: () => checkedConfig() }, (gateway) => {
    process.on('SIGHUP', () => void gateway.reload().catch(() => {})) // the log says why it failed
    const grace = closeWithGrace(
      { delay, logger: false, skip: ['SIGHUP'] },
      async ({ err, signal }) => {
        if (err) log.fatal({ err }, 'the gateway fails')
        log.info({ signal }, 'stopping')
        await gateway.close()
        log.info('stopped')
      }
    )
    letGo = () => grace.uninstall()
  })
} catch (error) {
  letGo()
  const isOurs = error instanceof GatewayError
  process.stderr.write(`${isOurs ? error.message : String(error)}\n`)
  process.exitCode = isOurs && error.code === 'ERR_CONFIG' ? EX_CONFIG : EX_UNAVAILABLE
}
