import { execFile, execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { promisify } from 'node:util'
import type { Test } from 'tap'

/** Why there can be no hosts here; false when there can. */
export const withoutHosts: string | false =
  (process.platform !== 'linux' && 'needs network namespaces of Linux') ||
  (process.getuid?.() !== 0 && 'needs root, to make hosts of one machine') ||
  (!['/sbin/ip', '/usr/sbin/ip', '/bin/ip'].some((path) => existsSync(path)) &&
    'needs ip of iproute2')

/** A network namespace on the bridge: a machine of its own, as far as its network goes. */
export interface NetworkHost {
  readonly name: string
  readonly address: string
  /** The file that stands for it, as nsenter(1) takes it. */
  readonly namespace: string
}

export interface HostNetwork {
  /** Where hosts reach this process. */
  readonly outside: string
  addHost(name: string): Promise<NetworkHost>
  /** Packets between the two vanish without a word, in both directions, until `mend`. */
  cut(one: NetworkHost, other: NetworkHost): Promise<void>
  mend(one: NetworkHost, other: NetworkHost): Promise<void>
}

const PREFIX = 'gmh'
/** No card has this address, so what is sent to it is taken by nobody. */
const NOBODY_HAS = '02:00:00:00:00:01'
const RUN = '/run/netns'
const run = promisify(execFile)
const ip = (...args: string[]) => run('ip', args)
const quietly = (...args: string[]): void => {
  try {
    execFileSync('ip', args, { stdio: 'ignore' })
  } catch {} // it is not there
}

/**
 * Hosts on a bridge of this run's own. All of it ends with `t`, and with this process; what a killed process left behind
 * is removed by the next one.
 */
export async function openHostNetwork(t: Pick<Test, 'teardown'>): Promise<HostNetwork> {
  removeLeftovers()
  const bridge = `${PREFIX}${process.pid}`
  const net = freeNet()
  const outside = `${net}.1`
  const close = () => removeAll(process.pid)
  process.once('exit', close)
  t.teardown(close)
  await ip('link', 'add', bridge, 'type', 'bridge')
  await ip('address', 'add', `${outside}/24`, 'dev', bridge)
  await ip('link', 'set', bridge, 'up')
  let hosts = 0
  const lose = (from: NetworkHost, to: NetworkHost) =>
    ip('-n', nameIn(from), 'neigh', 'replace', to.address, ...['lladdr', NOBODY_HAS], ...ON_CARD)
  const find = (from: NetworkHost, to: NetworkHost) =>
    ip('-n', nameIn(from), 'neigh', 'del', to.address, 'dev', 'eth0')
  return {
    outside,
    async addHost(name) {
      hosts += 1
      const space = `${bridge}-${name}`
      const card = `${bridge}v${hosts}`
      const address = `${net}.${10 + hosts}`
      await ip('netns', 'add', space)
      await ip('link', 'add', card, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space)
      await ip('link', 'set', card, 'master', bridge, 'up')
      await ip('-n', space, 'address', 'add', `${address}/24`, 'dev', 'eth0')
      await ip('-n', space, 'link', 'set', 'eth0', 'up')
      await ip('-n', space, 'link', 'set', 'lo', 'up')
      return { name, address, namespace: `${RUN}/${space}` }
    },
    async cut(one, other) {
      await Promise.all([lose(one, other), lose(other, one)])
    },
    async mend(one, other) {
      await Promise.all([find(one, other), find(other, one)])
    }
  }
}

const ON_CARD = ['dev', 'eth0', 'nud', 'permanent']
const nameIn = ({ namespace }: NetworkHost): string => namespace.slice(RUN.length + 1)

/** The first three numbers of a network that no card here has. */
function freeNet(): string {
  const taken = new Set(
    Object.values(networkInterfaces()).flatMap((each = []) =>
      each.map(({ address }) => address.split('.').slice(0, 3).join('.'))
    )
  )
  for (let tried = 0; tried < 250; tried += 1) {
    const net = `10.213.${(process.pid + tried) % 250}`
    if (!taken.has(net)) return net
  }
  throw new Error('all of 10.213.0.0/16 is in use')
}

function removeAll(pid: number | string): void {
  const spaces = existsSync(RUN) ? readdirSync(RUN) : []
  for (const space of spaces)
    if (space.startsWith(`${PREFIX}${pid}-`)) quietly('netns', 'del', space)
  quietly('link', 'del', `${PREFIX}${pid}`)
}

function removeLeftovers(): void {
  const cards = Object.keys(networkInterfaces())
  const spaces = existsSync(RUN) ? readdirSync(RUN) : []
  for (const name of [...cards, ...spaces]) {
    const [, pid] = /^gmh(\d+)(?:-|$)/.exec(name) ?? []
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) removeAll(pid)
  }
}
