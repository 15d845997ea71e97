import { GatewayError } from '#shared/errors.ts'
import { openCallbackPorts } from './callback-ports.ts'
import type { Config } from './config.ts'
import type { Log } from './telemetry/log.ts'
import { type Gateway, type Substitutes, wire } from './wiring.ts'

/** Connections that may wait to be accepted: everybody's clients come back at once after a restart. */
const BACKLOG = 4096

/**
 * Builds the gateway and listens on both ports. Throws ERR_CONFIG or ERR_UNAVAILABLE with one sentence
 * that says what to do; nothing is left running then.
 */
export async function startGateway(
  config: Config,
  log: Log,
  substitutes: Substitutes = {}
): Promise<Gateway> {
  const gateway = await wire(config, log, substitutes)
  try {
    await gateway.opsApp.listen({ host: config.OPS_HOST, port: config.OPS_PORT })
    await gateway.app.listen({ host: config.HOST, port: config.PORT, backlog: BACKLOG })
    const closePorts = await openCallbackPorts(gateway.app, config.HOST, config.CALLBACK_PORTS)
    gateway.app.server.once('close', () => void closePorts()) // never rejects
  } catch (error) {
    await gateway.close()
    throw portError(error, config)
  }
  log.info({ url: `${config.PUBLIC_URL}/mcp`, opsPort: config.OPS_PORT }, 'ready')
  return gateway
}

function portError(error: unknown, config: Config): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error
  const port = 'port' in error ? error.port : undefined
  const setting = settingOf(port, config)
  const why = new Map<unknown, string>([
    ['EADDRINUSE', 'is in use by another program; choose another one or stop that program.'],
    ['EACCES', 'may not be used by this user; choose one above 1023.'],
    ['EADDRNOTAVAIL', 'cannot be opened: HOST or OPS_HOST is no address of this machine.']
  ]).get(error.code)
  if (why === undefined) return error
  return new GatewayError('ERR_UNAVAILABLE', `${setting} ${String(port)} ${why}`, { cause: error })
}

function settingOf(port: unknown, { PORT, OPS_PORT, CALLBACK_PORTS }: Config): string {
  if (port === OPS_PORT) return 'OPS_PORT'
  if (port === PORT) return 'PORT'
  return CALLBACK_PORTS.some((one) => one === port) ? 'CALLBACK_PORTS' : 'The port'
}
