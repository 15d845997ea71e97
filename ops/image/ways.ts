import { spawnSync } from 'node:child_process'
import type { IsolationMode } from '../../gateway/launcher/isolation-report.ts'

/** How the image can be run: what stands around its command, and the wall that must hold then. */
export interface Way {
  readonly name: string
  /** As Docker would give it: who it is, and which capabilities are left. */
  readonly around: readonly string[]
  /** Who its files belong to. */
  readonly uid: number
  readonly settings: Readonly<Record<string, string>>
  readonly mode: IsolationMode
}

/** `node`, the user that the official images bring along. */
const NODE_USER = 1000
const NOTHING = ['--inh-caps=-all', '--no-new-privs']

/** The ways that this machine can try, compose.yaml's first. `left` is told what it cannot, and why. */
export function waysHere(left: (what: string) => void): Way[] {
  const isRoot = process.getuid?.() === 0
  const uid = isRoot ? NODE_USER : (process.getuid?.() ?? NODE_USER)
  const user = isRoot ? [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'] : []
  const drop = isRoot ? ['--bounding-set=-all'] : []
  const ordinary = ['setpriv', ...user, ...drop, ...NOTHING]
  // What the gateway needs of the machine, whichever program makes it.
  const place = ['unshare', '--user', '--map-root-user', '--net', '--pid', '--fork', '--mount-proc']
  const hasNamespaces = succeeds([...ordinary, ...place])
  if (!hasNamespaces) left('namespaces: an ordinary user may not make any on this machine')
  if (!isRoot) left('uids: takes root')
  const asCompose: Way = {
    name: 'an ordinary user without capabilities',
    around: ordinary,
    uid,
    settings: {},
    mode: hasNamespaces ? 'namespaces' : 'none'
  }
  const asRoot: Way = {
    name: 'root with SETUID, SETGID and KILL, and WORKER_UIDS',
    around: ['setpriv', '--bounding-set=-all,+setuid,+setgid,+kill', ...NOTHING],
    uid: 0,
    settings: { ISOLATION: 'uids', WORKER_UIDS: '200000-200099' },
    mode: 'uids'
  }
  return isRoot ? [asCompose, asRoot] : [asCompose]
}

const succeeds = ([file = '', ...args]: readonly string[]): boolean =>
  spawnSync(file, [...args, 'true']).status === 0
