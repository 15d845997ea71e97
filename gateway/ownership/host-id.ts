import { readFileSync, readlinkSync } from 'node:fs'
import { hostname, networkInterfaces } from 'node:os'

/** What a machine says of itself. Each may throw. */
export interface HostFacts {
  readonly read: (path: string) => string
  /** What a link points to. */
  readonly link: (path: string) => string
  readonly hostname: () => string
  /** MAC addresses. */
  readonly addresses: () => readonly string[]
}

const OWN: HostFacts = {
  read: (path) => readFileSync(path, 'utf8'),
  link: (path) => readlinkSync(path),
  hostname,
  addresses: () =>
    Object.values(networkInterfaces()).flatMap((each = []) =>
      each.filter(({ internal }) => !internal).map(({ mac }) => mac)
    )
}

/**
 * Names what shares its ports and its process ids: one boot of one machine and, in it, one container. Two that only
 * look alike would take each other's gateways for dead, so where the system does not tell its boot (no `/proc`, or one
 * that is masked), everything counts that tells machines apart: machine-id(5), name, network cards. One machine that
 * then looks like two is served all the same, a little later: its leases end by time.
 */
export function hostId({ read, link, hostname, addresses }: HostFacts = OWN): string {
  const spaces = ['net', 'pid'].map((kind) => maybe(() => link(`/proc/self/ns/${kind}`)))
  const boot = maybe(() => read('/proc/sys/kernel/random/boot_id'))
  if (boot !== '' && spaces.every((space) => space !== '')) return [boot, ...spaces].join(' ')
  const machine =
    maybe(() => read('/etc/machine-id')) || maybe(() => read('/var/lib/dbus/machine-id'))
  const cards = [...new Set(maybe(() => addresses().join(' ')).split(' '))].toSorted()
  return [boot, machine, maybe(hostname), ...cards, ...spaces]
    .filter((fact) => fact !== '')
    .join(' ')
}

function maybe(tell: () => string): string {
  try {
    return tell().trim()
  } catch {
    return ''
  }
}
