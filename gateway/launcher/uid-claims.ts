import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isSameProcess } from './procfs.ts'

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
  /** As `startIfThere`. */
  readonly startOf: (pid: number) => string | undefined
}

/**
 * A claim is an empty file, named after its gateway, in a directory of the id. Each gateway writes its own before it
 * looks for others, so that of two that want one id at least one sees the other; and none ever removes what a living
 * one wrote.
 */
export function uidClaims({ directory, pid, startOf }: UidClaimsParts): UidClaims {
  const me = `${pid}-${startOf(pid) ?? '0'}`
  const claimsOf = (uid: number): string => join(directory, `claims-${uid}`)
  const remove = (uid: number, gateway: string): void =>
    rmSync(join(claimsOf(uid), gateway), { force: true })
  const isAlive = (gateway: string): boolean => {
    const [pid, start = ''] = gateway.split('-')
    return isSameProcess(startOf(Number(pid)), start) !== false
  }
  mkdirSync(directory, { recursive: true, mode: 0o711 })
  return {
    claim(uid) {
      mkdirSync(claimsOf(uid), { recursive: true, mode: 0o700 })
      writeFileSync(join(claimsOf(uid), me), '', { mode: 0o600 })
      const others = readdirSync(claimsOf(uid)).filter((gateway) => gateway !== me)
      const isTaken = others.some(isAlive)
      const unwanted = isTaken ? [me] : others
      for (const gateway of unwanted) remove(uid, gateway)
      return !isTaken
    },
    giveBack(uid) {
      try {
        remove(uid, me)
      } catch {
        // it is still there, and the next claim of this gateway finds it
      }
    }
  }
}
