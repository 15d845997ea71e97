import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/**
 * Names what shares its ports and its process ids: one boot of one machine and, in it, one container.
 * Where the system does not say (no `/proc`), the machine's name has to do.
 */
export function hostIdentity(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const [network, processes] = ['net', 'pid'].map((kind) => readlinkSync(`/proc/self/ns/${kind}`))
    return [boot, network, processes].join(' ')
  } catch {
    return hostname()
  }
}
