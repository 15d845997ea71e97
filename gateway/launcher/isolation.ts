import { existsSync } from 'node:fs'
import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import { type Confinement, confine, FAR_OVER, type Identity, type Layers } from './confinement.ts'
import { gravest, type IsolationReport, modeOf, reportOf } from './isolation-report.ts'
import { type Assets, type Findings, selfTest } from './isolation-self-test.ts'
import { namespacesOf, type Wall } from './namespaces.ts'
import type { NodeLimits } from './node-flags.ts'
import { nonDumpableNode } from './non-dumpable-node.ts'
import { ProcessLauncher } from './process-launcher.ts'
import { mostOpenFiles, processesOf, startIfThere } from './procfs.ts'
import type { RunDirectory } from './run-directory.ts'
import { uidClaims } from './uid-claims.ts'
import { UidPool, type UidRange } from './uid-pool.ts'

export interface Isolation {
  readonly confinement: Confinement
  readonly report: IsolationReport
  /** The program of node that workers run. */
  readonly node: string
  /** The most workers that it can keep apart, with the one of the readiness probe. */
  readonly mostWorkers: number
}

export interface IsolationParts {
  readonly clock: Clock
  readonly randomHex: (bytes: number) => string
  readonly runDirectory: RunDirectory
  /** Shared by the gateways of this machine: where they tell each other which user ids they use. */
  readonly directory: string
  /** Where a copy of node may lie. */
  readonly nodeDirectories: readonly string[]
  /** Node's program. */
  readonly node: string
  /** The gateway's own process. */
  readonly pid: number
  readonly uids: UidRange | undefined
  /** Resident memory that a worker may use, in bytes. */
  readonly memoryBytes: number
  /** The files and directories of the worker's program. */
  readonly readable: readonly string[]
  /** The program that tries the walls; it may lie in a directory of `readable`. */
  readonly probe: string
  /** Whether to refuse to run without a wall. */
  readonly mustHold: boolean
  /** What was asked for (ISOLATION); `auto` is the strongest that works here. */
  readonly wanted: 'auto' | 'namespaces' | 'uids' | 'none'
  /** What must not be reached. */
  readonly assets: Assets
  /** A wall that is left out, so that the probe can be seen to miss it. */
  readonly without?: Wall | undefined
}

/** nobody(65534): the user that owns nothing, on every Linux. */
const NOBODY = 65534
const MEBIBYTE = 2 ** 20
/** V8 reserves as much for the program, its thread and one that is just ending; RLIMIT_DATA counts that. */
const RESERVED_BYTES = 1.5 * 2 ** 30

/**
 * Finds the strongest way of this machine to keep workers apart, and tries it with probes. Rejects with
 * ERR_CONFIG where no worker can run, where a user id for each was asked for and does not hold, and with
 * `mustHold` where a worker could look into the gateway.
 */
export async function isolate(parts: IsolationParts): Promise<Isolation> {
  if (parts.wanted === 'uids' && !parts.uids)
    throw new GatewayError('ERR_CONFIG', 'ISOLATION=uids needs WORKER_UIDS, such as 200000-200999.')
  const failures: string[] = []
  for (const layers of waysOf(parts)) {
    const findings = await tryOut(parts, layers).catch((error: unknown) => {
      failures.push(error instanceof Error ? error.message : String(error))
    })
    if (!findings) continue
    refuseOpenGateway(parts, layers, findings)
    return {
      confinement: confine({
        ...layers,
        shown: parts.readable,
        nodeLimits: limitsOf(parts)
      }),
      report: reportOf(layers, findings),
      node: layers.node,
      mostWorkers: parts.uids ? parts.uids.last - parts.uids.first : Number.POSITIVE_INFINITY
    }
  }
  const hint = parts.uids
    ? ' with WORKER_UIDS: that needs setpriv (util-linux) and SETUID, SETGID and KILL'
    : parts.wanted === 'namespaces'
      ? ' with ISOLATION=namespaces: that needs bubblewrap, and a kernel that lets this user make user namespaces'
      : ''
  throw new GatewayError('ERR_CONFIG', `No worker can run here${hint}. ${failures.join(' ')}`)
}

/** What may work here, strongest first. */
function* waysOf(parts: IsolationParts): Generator<Layers> {
  const places = parts.without === 'hidden-node' ? [] : parts.nodeDirectories
  const hidden = nonDumpableNode(parts.node, places)
  const setpriv = programOf('setpriv')
  const identities = identitiesOf(parts)
  const kinds = isOneOf(parts.wanted, 'auto', 'namespaces')
    ? namespacesOf(programOf, parts.without)
    : []
  const plain = parts.wanted === 'namespaces' ? [] : [undefined]
  const ways = [...kinds, ...plain].flatMap((namespaces) =>
    identities.map((identity) => ({ namespaces, identity }))
  )
  for (const { namespaces, identity } of ways) {
    if (setpriv === undefined && identity.kind !== 'own') continue // it is what changes the user
    for (const node of new Set([hidden.path, parts.node])) {
      yield {
        node,
        namespaces,
        shown: withProbe(parts),
        without: parts.without,
        setpriv,
        prlimit: programOf('prlimit'),
        env: programOf('env'),
        identity,
        dataBytes: RESERVED_BYTES + Math.ceil(parts.memoryBytes * FAR_OVER),
        mostFiles: mostOpenFiles(),
        nodeLimits: undefined
      }
    }
  }
}

const withProbe = ({ readable, probe }: IsolationParts): readonly string[] =>
  readable.some((place) => probe.startsWith(`${place}/`)) ? readable : [...readable, probe]

const isOneOf = <T>(value: T, ...others: T[]): boolean => others.includes(value)

function identitiesOf({ uids, clock, directory, pid, wanted }: IsolationParts): Identity[] {
  if (uids && wanted !== 'none') {
    const claims = uidClaims({ directory, pid, startOf: startIfThere })
    const slots = new UidPool({ range: uids, clock, processesOf, kill, claims })
    return [{ kind: 'each', slots }]
  }
  if (process.getuid?.() !== 0) return [{ kind: 'own' }]
  return [{ kind: 'one', uid: NOBODY }, { kind: 'own' }]
}

const programOf = (name: string): string | undefined =>
  ['/usr/bin', '/bin', '/usr/sbin', '/sbin']
    .map((directory) => `${directory}/${name}`)
    .find((path) => existsSync(path))

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended meanwhile.
  }
}

/** The probes go without Node's restrictions: it is the walls behind them that are tried. */
function tryOut(parts: IsolationParts, layers: Layers): Promise<Findings> {
  const { clock, randomHex, runDirectory, pid } = parts
  const init = { gmailOrigin: '', resourceMetadataUrl: '' }
  const confinement = confine(layers)
  return selfTest({
    clock,
    gatewayPid: pid,
    files: parts.readable,
    assets: parts.assets,
    launcher: (env) =>
      new ProcessLauncher({
        clock,
        randomHex,
        runDirectory,
        confinement,
        entry: parts.probe,
        env,
        init,
        overlooksOffences: parts.without === 'channel'
      })
  })
}

const limitsOf = ({ readable, memoryBytes }: IsolationParts): NodeLimits => ({
  readable,
  // The rest is for buffers, threads and Node itself.
  heapMebibytes: Math.round((memoryBytes / MEBIBYTE) * 0.375)
})

function refuseOpenGateway(parts: IsolationParts, layers: Layers, findings: Findings): void {
  if (parts.wanted === 'none') return
  const mode = modeOf(layers)
  const open = gravest(findings)
  if (mode === 'none' && parts.mustHold)
    throw new GatewayError(
      'ERR_CONFIG',
      'Nothing keeps workers apart here: install bubblewrap and let this user make user namespaces, or run the gateway ' +
        'as root with WORKER_UIDS and the capabilities SETUID, SETGID and KILL, or take the risk with ISOLATION=none.'
    )
  if (mode === 'none' || open.length === 0 || !(parts.mustHold || parts.uids)) return
  throw new GatewayError(
    'ERR_CONFIG',
    `The walls between workers do not hold here. ${open.join(' ')}`
  )
}
