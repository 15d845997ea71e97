import { globSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { GatewayHome, GatewayProcess } from '../../helpers/gateway-home.ts'
import type { NetworkHost } from './network.ts'
import type { Certificates } from './peer-certificates.ts'

const [FAKE_TIME] = globSync('/usr/lib/*/faketime/libfaketimeMT.so.1')
/** Why clocks cannot differ here; false when they can. */
export const withoutClocks: string | false = FAKE_TIME === undefined && 'needs libfaketime'

const PEER_PORT = '3007'
/** How a program ends that cannot start now, such as while the database is away (sysexits.h): it is started again. */
const EX_UNAVAILABLE = 69
const AGAIN_MS = 1000

/** A host with one gateway, which may come and go. */
export interface GatewayHost {
  readonly network: NetworkHost
  readonly url: string
  readonly peerUrl: string
  /** Starts a gateway; resolves when it is ready. */
  start(): Promise<void>
  /** The signal goes to the gateway alone, or to it and all its workers. */
  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT' | 'SIGTERM', whom: 'gateway' | 'all'): void
  /** Resolves when its gateway is gone, with its exit code or signal. */
  readonly gone: Promise<number | string>
  /** Every line that its gateways wrote. */
  readonly output: () => string
}

export interface GatewayHostParts {
  readonly home: GatewayHome
  readonly network: NetworkHost
  readonly certificates: Certificates
  /** Its hosts(5). */
  readonly names: string
  /** How far its clock is from everybody's, as faketime(1) takes it: `+300`. */
  readonly clock: string
}

export async function openGatewayHost(parts: GatewayHostParts): Promise<GatewayHost> {
  const { home, network, certificates, names, clock } = parts
  const { address, namespace, name } = network
  const { cert, key } = await certificates.issue(address)
  const peerUrl = `https://${address}:${PEER_PORT}`
  const settings = {
    HOST: '0.0.0.0',
    OPS_HOST: '0.0.0.0',
    ALLOWED_HOSTS: `${address}:${home.port}`,
    RUN_DIR: join(home.env.RUN_DIR ?? '', '..', `run-${name}`),
    PEER_URL: peerUrl,
    PEER_PORT,
    PEER_CERT: cert,
    PEER_KEY: key,
    PEER_CA: certificates.authority
  }
  // With a network of its own it is another machine, and with process ids of its own nobody outlives it there.
  const under = [
    ...['nsenter', `--net=${namespace}`, '--'],
    ...['unshare', '--pid', '--fork', '--kill-child', '--mount-proc', '--'],
    ...['sh', '-c', 'mount --bind "$0" /etc/hosts && exec "$@"', names],
    ...['env', `LD_PRELOAD=${FAKE_TIME}`, `FAKETIME=${clock}`, 'FAKETIME_DONT_FAKE_MONOTONIC=1']
  ]
  const outputs: (() => string)[] = []
  let running: { process: GatewayProcess; pid: number } | undefined
  return {
    network,
    url: `http://${address}:${home.port}/mcp`,
    peerUrl,
    async start() {
      let process = home.start(settings, under)
      outputs.push(process.output)
      while (!(await isReady(process))) {
        await delay(AGAIN_MS)
        process = home.start(settings, under)
        outputs.push(process.output)
      }
      const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8')
      running = { process, pid: Number(children.split(' ')[0]) }
    },
    signal(signal, whom) {
      if (!running) throw new Error(`${name} has no gateway`)
      const all = whom === 'all' ? sharingProcessIdsWith(running.pid) : []
      for (const pid of [running.pid, ...all.filter((pid) => pid !== running?.pid)])
        try {
          process.kill(pid, signal)
        } catch {} // it ended in this moment
    },
    get gone() {
      if (!running) throw new Error(`${name} has no gateway`)
      return running.process.gone
    },
    output: () => outputs.map((output) => output()).join('')
  }
}

/** False when it ended because it could not start now. */
async function isReady(process: GatewayProcess): Promise<boolean> {
  try {
    await process.said('"msg":"ready"')
    return true
  } catch (error) {
    if ((await process.gone) === EX_UNAVAILABLE) return false
    throw error
  }
}

/** The processes of a namespace of process ids, and of those within it. */
function sharingProcessIdsWith(pid: number): number[] {
  const space = spaceOf(pid)
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    const parent = /^\d+$/.test(name) ? parentOf(name) : undefined
    if (parent !== undefined) parents.set(Number(name), parent)
  }
  const isWithin = (one: number | undefined): boolean =>
    one !== undefined && one > 1 && (one === pid || isWithin(parents.get(one)))
  return [...parents.keys()].filter((one) => spaceOf(one) === space || isWithin(one))
}

function spaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`)
  } catch {
    return undefined // it ended meanwhile
  }
}

function parentOf(pid: string): number | undefined {
  try {
    const [, parent] = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return Number(parent)
  } catch {
    return undefined // it ended meanwhile
  }
}
