/** This run of this gateway, as other gateways over the same store know it. */
export interface GatewayInstance {
  /** Names this process for ever: machine, pid, start, and chance where there is no start to be had. */
  readonly id: string
  readonly host: string
  /**
   * Whether the gateway with this id runs. Undefined when that cannot be known: on another machine, or
   * where a later process may have its pid.
   */
  isRunning(id: string): boolean | undefined
}

export interface NodeParts {
  /** The machine, see `hostId`. */
  readonly host: string
  readonly pid: number
  /** When a process began, '0' for one of which that is not to be had; undefined when there is none. */
  readonly startOf: (pid: number) => string | undefined
  readonly randomHex: (bytes: number) => string
}

export function thisInstance({ host, pid, startOf, randomHex }: NodeParts): GatewayInstance {
  const id = [host, pid, startOf(pid) ?? '0', randomHex(4)].join('/')
  return {
    id,
    host,
    isRunning(other) {
      const [where, otherPid, start] = other.split('/')
      if (where !== host) return undefined
      const now = startOf(Number(otherPid))
      if (now === undefined) return false
      // One that is not told of may be any: it counts as gone when its lease ends.
      return now === '0' || start === '0' ? undefined : now === start
    }
  }
}
