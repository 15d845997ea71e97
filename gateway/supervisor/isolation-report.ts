import type { Layers } from './confinement.ts'
import type { Findings } from './self-test.ts'

/** What was asked of the machine, and what the self-test found. For the log and for `/ready`. */
export interface IsolationReport {
  /** `uid`: a user id for each worker. `shared`: one for all of them. */
  readonly mode: 'shared' | 'uid'
  readonly layers: readonly string[]
  /** What this machine lacks, as sentences. */
  readonly missing: readonly string[]
}

/** Puts into words which layers are active and what is missing. */
export function reportOf(layers: Layers, findings: Findings): IsolationReport {
  const { identity, setpriv, prlimit } = layers
  const active: [boolean, string][] = [
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
    [findings.readsGateway, 'A worker could read the memory of the gateway.'],
    [findings.readsSibling, 'A worker could read the memory of another one.'],
    [findings.signalsGateway, 'A worker could end the gateway.'],
    [findings.signalsSibling, 'A worker could end another one.'],
    [findings.isRoot || findings.becomesRoot, 'Workers run as root.'],
    [findings.hasCapabilities, 'Workers have capabilities.'],
    [findings.mayGainPrivileges, 'Workers could gain privileges.']
  ]
  return {
    mode: identity.kind === 'each' ? 'uid' : 'shared',
    layers: sentences(active),
    missing: sentences(lacking)
  }
}

const sentences = (all: readonly [boolean, string][]): string[] =>
  all.filter(([holds]) => holds).map(([, sentence]) => sentence)
