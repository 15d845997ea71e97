import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Which gateway of this machine uses which user id for its workers: during an upgrade there are two. */
export interface UidClaims {
  /** False when another living gateway has the id. */
  claim(uid: number): boolean
  /** Never throws: what cannot be removed is kept, for the next `claim` of this id here. */
  giveBack(uid: number): void
}

export interface UidClaimsParts {
  /** Shared by the gateways that share the range; made if missing. */
  readonly directory: string
  /** The gateway's own pid. */
  readonly pid: number
  /** When a process began; undefined when there is no such process. */
  readonly startOf: (pid: number) => string | undefined
}

/** Claims as one small file for each id, which names its gateway. What a dead one left is free. */
export function uidClaims({ directory, pid, startOf }: UidClaimsParts): UidClaims {
  const me = `${pid} ${startOf(pid)}`
  const kept = new Set<number>()
  const fileOf = (uid: number): string => join(directory, `uid-${uid}`)
  const write = (uid: number): boolean => {
    try {
      writeFileSync(fileOf(uid), me, { flag: 'wx', mode: 0o600 })
      return true
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false
      rmSync(fileOf(uid), { force: true }) // half a claim would be nobody's, for ever
      throw error
    }
  }
  /** False also when its owner removes it meanwhile: who looks again finds it free. */
  const isLeftOver = (uid: number): boolean => {
    try {
      const [owner, start] = readFileSync(fileOf(uid), 'utf8').split(' ')
      return startOf(Number(owner)) !== start
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false
      throw error
    }
  }
  mkdirSync(directory, { recursive: true, mode: 0o711 })
  return {
    claim(uid) {
      if (kept.delete(uid) || write(uid)) return true
      if (!isLeftOver(uid)) return false
      rmSync(fileOf(uid), { force: true })
      return write(uid)
    },
    giveBack(uid) {
      try {
        rmSync(fileOf(uid), { force: true })
      } catch {
        kept.add(uid)
      }
    }
  }
}

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined
