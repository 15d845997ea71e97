import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Which gateway of this machine uses which user id for its workers: during an upgrade there are two. */
export interface UidClaims {
  /** False when another living gateway has the id, or wants it at the same moment. */
  claim(uid: number): boolean
  /** Never throws: a claim that cannot be removed stays this gateway's. */
  giveBack(uid: number): void
}

export interface UidClaimsParts {
  /** Shared by the gateways that share the range; made if missing. */
  readonly directory: string
  /** The gateway's own pid. */
  readonly pid: number
  /** When a process began, in digits; undefined when there is no such process. */
  readonly startOf: (pid: number) => string | undefined
}

/**
 * A claim is an empty file whose name says which id and which gateway. Each gateway writes its own before it looks for
 * others, so that of two that want one id at least one sees the other; and none ever removes what a living one wrote.
 */
export function uidClaims({ directory, pid, startOf }: UidClaimsParts): UidClaims {
  const me = `${pid}-${startOf(pid)}`
  const fileOf = (uid: number, gateway: string): string => join(directory, `uid-${uid}.${gateway}`)
  const claimantsOf = (uid: number): string[] =>
    readdirSync(directory)
      .filter((name) => name.startsWith(`uid-${uid}.`))
      .map((name) => name.slice(`uid-${uid}.`.length))
  const isAlive = (gateway: string): boolean => {
    const [pid, start] = gateway.split('-')
    return startOf(Number(pid)) === start
  }
  mkdirSync(directory, { recursive: true, mode: 0o711 })
  return {
    claim(uid) {
      writeFileSync(fileOf(uid, me), '', { mode: 0o600 })
      const others = claimantsOf(uid).filter((gateway) => gateway !== me)
      const isTaken = others.some(isAlive)
      const unwanted = isTaken ? [me] : others
      for (const gateway of unwanted) rmSync(fileOf(uid, gateway), { force: true })
      return !isTaken
    },
    giveBack(uid) {
      try {
        rmSync(fileOf(uid, me), { force: true })
      } catch {
        // it is still there, and the next claim of this gateway finds it
      }
    }
  }
}
