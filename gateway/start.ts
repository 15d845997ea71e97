import { GatewayError } from '#shared/errors.ts'
import type { Config } from './config/config.ts'
import { assertPortFree } from './server/assert-port-free.ts'
import { openCallbackPorts } from './server/callback-ports.ts'
import type { Log } from './telemetry/log.ts'
import type { Substitutes } from './wiring/core.ts'
import { tryWalls, type WallsTrial } from './wiring/walls.ts'
import { type Gateway, wire } from './wiring/wiring.ts'

/** Connections that may wait to be accepted: everybody's clients come back at once after a restart. */
const BACKLOG = 4096

/** SO_REUSEPORT, so that the next gateway listens before this one stops. Linux shares such ports evenly. */
const SHARING = { reusePort: process.platform === 'linux' }
/** How long the last threads of a gateway that was killed may take to end. */
const DYING_MS = 2000
const LONG_MS = 2 ** 30

/**
 * Builds the gateway and listens on both ports, once no gateway of the same store is ahead. `built` gets it
 * before that, because the wait may be ended by closing it. Throws ERR_CONFIG or ERR_UNAVAILABLE with one
 * sentence that says what to do; nothing is left running then.
 */
export async function startGateway(
  config: Config,
  log: Log,
  substitutes: Substitutes = {},
  built: (gateway: Gateway) => void = () => {}
): Promise<Gateway> {
  const gateway = await wire(config, log, substitutes)
  built(gateway)
  try {
    await open(gateway, config, log)
  } catch (error) {
    await gateway.close()
    throw portError(error, config)
  }
  return gateway
}

/** As much of a start as needs no port, no store and nobody else: see `tryWalls`. */
export const tryStart = (config: Config, log: Log): Promise<WallsTrial> => tryWalls(config, log)

async function open(gateway: Gateway, config: Config, log: Log): Promise<void> {
  const { app, opsApp, peerApp, succession } = gateway
  const ops = { host: config.OPS_HOST, port: config.OPS_PORT, ...SHARING }
  const main = { host: config.HOST, port: config.PORT, backlog: BACKLOG, ...SHARING }
  const peers = { host: config.PEER_HOST, port: config.PEER_PORT, backlog: BACKLOG, ...SHARING }
  const ports = peerApp ? [ops, peers, main] : [ops, main]
  const awake = setInterval(() => {}, LONG_MS) // while it waits, nothing else keeps the process alive
  let patienceMs = 0
  const turn = await succession
    .turn(() => {
      patienceMs = DYING_MS
      log.info('ready to take over: another gateway has the ports')
    })
    .finally(() => clearInterval(awake))
  if (turn === 'closed') return
  if (turn === 'alone')
    for (const { host, port } of ports) await assertPortFree(host, port, patienceMs)
  await opsApp.listen(ops)
  await peerApp?.listen(peers)
  await app.listen(main)
  const closePorts = await openCallbackPorts(app, config.HOST, config.CALLBACK_PORTS)
  app.server.once('close', () => void closePorts()) // never rejects
  await succession.serving()
  log.info({ url: `${config.PUBLIC_URL}/mcp`, opsPort: config.OPS_PORT }, 'ready')
}

function portError(error: unknown, config: Config): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error
  const port = 'port' in error ? error.port : undefined
  const setting = settingOf(port, config)
  const why = new Map<unknown, string>([
    ['EADDRINUSE', 'is in use by another program; choose another one or stop that program.'],
    ['EACCES', 'may not be used by this user; choose one above 1023.'],
    [
      'EADDRNOTAVAIL',
      'cannot be opened: HOST, OPS_HOST or PEER_HOST is no address of this machine.'
    ]
  ]).get(error.code)
  if (error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN')
    return new GatewayError(
      'ERR_CONFIG',
      'HOST, OPS_HOST or PEER_HOST is a name that cannot be looked up.',
      {
        cause: error
      }
    )
  if (why === undefined) return error
  const code = error.code === 'EACCES' ? 'ERR_CONFIG' : 'ERR_UNAVAILABLE' // time alone gives no right
  return new GatewayError(code, `${setting} ${String(port)} ${why}`, { cause: error })
}

function settingOf(port: unknown, config: Config): string {
  const { PORT, OPS_PORT, PEER_PORT, CALLBACK_PORTS } = config
  if (port === OPS_PORT) return 'OPS_PORT'
  if (port === PORT) return 'PORT'
  if (port === PEER_PORT) return 'PEER_PORT'
  return CALLBACK_PORTS.some((one) => one === port) ? 'CALLBACK_PORTS' : 'The port'
}
