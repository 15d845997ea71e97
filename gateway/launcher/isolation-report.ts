import type { Layers } from './confinement.ts'
import type { Findings } from './isolation-self-test.ts'

/** `namespaces`: a place of its own for each worker. `uids`: a user of its own. `none`: neither wall. */
export type IsolationMode = 'namespaces' | 'uids' | 'none'

/** What was asked of the machine, and what the self-test found. For the log and for `/ready`. */
export interface IsolationReport {
  readonly mode: IsolationMode
  readonly layers: readonly string[]
  /** What does not hold here, as sentences. */
  readonly missing: readonly string[]
}

/** Puts into words which layers are active and what is missing. */
export function reportOf(layers: Layers, findings: Findings): IsolationReport {
  const { identity, namespaces, setpriv, prlimit } = layers
  const active: [boolean, string][] = [
    [
      namespaces !== undefined,
      `no network, no other process, no file but its program (${namespaces?.kind})`
    ],
    [identity.kind === 'each', 'a user id for each worker'],
    [identity.kind === 'one', 'a user id for all workers, not the gateway’s'],
    [!findings.readsSibling, 'memory and environment hidden from other workers'],
    [setpriv !== undefined, 'no new privileges, no capabilities, end with the gateway (setpriv)'],
    [prlimit !== undefined, 'limits on memory, files and core dumps (prlimit)'],
    [true, 'Node’s permission model, an environment of few names, connections that have no name']
  ]
  const lacking: [boolean, string][] = [
    [
      process.platform !== 'linux',
      'This is not Linux: workers are ordinary processes of one user.'
    ],
    [setpriv === undefined, 'setpriv (util-linux) is not installed.'],
    [prlimit === undefined, 'prlimit (util-linux) is not installed.'],
    ...breachesIn(findings)
  ]
  return { mode: modeOf(layers), layers: sentences(active), missing: sentences(lacking) }
}

export const modeOf = ({ namespaces, identity }: Layers): IsolationMode =>
  namespaces ? 'namespaces' : identity.kind === 'each' ? 'uids' : 'none'

/** What would let one fallen worker have what is everybody's, or another person's. */
export const gravest = (findings: Findings): string[] =>
  sentences(
    breachesIn({
      ...findings,
      // Without namespaces a worker has a network and shared directories; that is named, and no reason to stop.
      connects: false,
      listens: false,
      fillsDisk: false,
      makesSetuid: false,
      listsPlaces: false,
      readsCommandLines: false,
      isRoot: false
    })
  )

const breachesIn = (findings: Findings): [boolean, string][] => [
  [findings.readsKeys, 'A worker could read the gateway’s keys.'],
  [findings.readsDatabase, 'A worker could read the database.'],
  [findings.writesDatabase, 'A worker could write the database.'],
  [findings.listsPlaces, 'A worker could look into the gateway’s directories.'],
  [findings.writesPlaces, 'A worker could write into the gateway’s directories.'],
  [findings.connectsToNames, 'A worker could connect to sockets of the gateway.'],
  [findings.confusesGateway, 'A worker could confuse the gateway.'],
  [findings.readsGateway, 'A worker could read the memory of the gateway.'],
  [findings.readsSibling, 'A worker could read the memory of another one.'],
  [findings.tracesGateway, 'A worker could trace the gateway.'],
  [findings.tracesSibling, 'A worker could trace another one.'],
  [findings.readsCommandLines, 'A worker could see the command lines of others.'],
  [findings.signalsGateway, 'A worker could end the gateway.'],
  [findings.signalsSibling, 'A worker could end another one.'],
  [
    findings.renicesGateway || findings.renicesSibling,
    'A worker could take the processor from others.'
  ],
  [findings.connects, 'A worker could connect to ports of this machine and to other addresses.'],
  [findings.listens, 'A worker could listen beside the gateway.'],
  [findings.fillsDisk, 'A worker could fill a disk that others use.'],
  [findings.makesSetuid, 'A worker could leave a program that runs as its user.'],
  [findings.isRoot || findings.becomesRoot, 'Workers run as root.'],
  [findings.hasCapabilities, 'Workers have capabilities.'],
  [findings.mayGainPrivileges, 'Workers could gain privileges.']
]

const sentences = (all: readonly [boolean, string][]): string[] =>
  all.filter(([holds]) => holds).map(([, sentence]) => sentence)
