/** This run of this gateway, as other gateways over the same store know it. */
export interface Node {
  /** Names this process for ever: machine, pid, start, and chance where there is no start to be had. */
  readonly id: string
  readonly host: string
  /**
   * Whether the gateway with this id is certainly no more. Only what runs on this machine can be known;
   * of others it is never certain.
   */
  isGone(id: string): boolean
}

export interface NodeParts {
  /** The machine, see `hostIdentity`. */
  readonly host: string
  readonly pid: number
  /** When a process began; undefined when there is no such process. */
  readonly startOf: (pid: number) => string | undefined
  readonly randomHex: (bytes: number) => string
}

export function thisNode({ host, pid, startOf, randomHex }: NodeParts): Node {
  const id = [host, pid, startOf(pid) ?? '0', randomHex(4)].join('/')
  return {
    id,
    host,
    isGone(other) {
      const [where, otherPid, start] = other.split('/')
      return where === host && other !== id && startOf(Number(otherPid)) !== start
    }
  }
}
