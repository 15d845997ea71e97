import { chownSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Gives a directory and all in it to the user. */
export function giveTo(id: number, directory: string): void {
  chownSync(directory, id, id)
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    chownSync(join(directory, name), id, id)
  }
}
