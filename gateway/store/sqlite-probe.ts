import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type StoreTrouble, troubleIn } from './store-trouble.ts'

/** A gateway that writes has the lock for moments only. */
const WAIT_MS = 3000

/**
 * Whether the file, which must be there, can be written now: takes the write lock and gives it back, changes nothing.
 * Undefined when it can. Throws what is no trouble of the file.
 */
export function tryToWrite(path: string): StoreTrouble | undefined {
  const database = new DatabaseSync(path, { timeout: WAIT_MS })
  try {
    database.exec('BEGIN IMMEDIATE; ROLLBACK')
    return undefined
  } catch (error) {
    const trouble = troubleIn(error)
    if (trouble) return trouble
    throw error
  } finally {
    database.close()
  }
}

/** Bytes that are left for it where the file is, or is to be. */
export function freeBytesFor(path: string): number {
  const { bavail, bsize } = statfsSync(dirname(path))
  return bavail * bsize
}
