/** Starts the gateway. The only file with process.on and process.exit. */
import closeWithGrace from 'close-with-grace'
import { GatewayError } from '#shared/errors.ts'
import { type Config, readConfig } from './config.ts'
import { createLog } from './telemetry/log.ts'
import { type Gateway, wire } from './wiring.ts'

/** sysexits.h EX_CONFIG and EX_UNAVAILABLE: service managers do not restart on the first. */
const EX_CONFIG = 78
const EX_UNAVAILABLE = 69

try {
  await start(readConfig())
} catch (error) {
  const isOurs = error instanceof GatewayError
  process.stderr.write(`${isOurs ? error.message : String(error)}\n`)
  process.exit(isOurs && error.code === 'ERR_CONFIG' ? EX_CONFIG : EX_UNAVAILABLE)
}

async function start(config: Config): Promise<void> {
  const log = createLog(config.LOG_LEVEL, process.stdout.isTTY)
  const gateway = await wire(config, log)
  closeWithGrace({ delay: config.DRAIN_TIMEOUT + 5000, logger: false }, async ({ err, signal }) => {
    if (err) log.fatal({ err }, 'the gateway fails')
    log.info({ signal }, 'stopping')
    await gateway.close()
    log.info('stopped')
  })
  await listen(gateway, config)
  log.info({ url: `${config.PUBLIC_URL}/mcp`, opsPort: config.OPS_PORT }, 'ready')
}

async function listen({ app, opsApp, close }: Gateway, config: Config): Promise<void> {
  try {
    await opsApp.listen({ host: config.OPS_HOST, port: config.OPS_PORT })
    await app.listen({ host: config.HOST, port: config.PORT })
  } catch (error) {
    await close()
    throw portError(error, config)
  }
}

function portError(error: unknown, { PORT, OPS_PORT }: Config): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error
  const port = 'port' in error ? error.port : undefined
  const setting = port === OPS_PORT ? 'OPS_PORT' : port === PORT ? 'PORT' : 'HOST or PORT'
  if (error.code === 'EADDRINUSE')
    return new GatewayError(
      'ERR_UNAVAILABLE',
      `${setting} ${String(port)} is in use by another program.`
    )
  if (error.code === 'EACCES')
    return new GatewayError(
      'ERR_UNAVAILABLE',
      `${setting} ${String(port)} may not be used by this user.`
    )
  return error
}
