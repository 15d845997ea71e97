import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A file system of its own, in memory. */
export interface SmallDisk {
  readonly directory: string
  /** Until not a byte is left. */
  fill(): void
  /** Takes back what `fill` wrote. */
  empty(): void
  end(): void
}

/** `size` as mount(8) has it for tmpfs, e.g. `1m`. Undefined where nothing may be mounted; that takes root. */
export function smallDisk(size: string): SmallDisk | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'small-'))
  const options = ['-t', 'tmpfs', '-o', `size=${size},mode=700`]
  try {
    execFileSync('mount', [...options, 'tmpfs', directory], { stdio: 'ignore' })
  } catch {
    rmSync(directory, { recursive: true })
    return undefined
  }
  const filler = join(directory, 'filler')
  return {
    directory,
    fill() {
      const file = openSync(filler, 'w')
      try {
        for (;;) writeSync(file, Buffer.alloc(4096))
      } catch {
        closeSync(file) // no space left on the device
      }
    },
    empty: () => rmSync(filler, { force: true }),
    end() {
      execFileSync('umount', ['-l', directory])
      rmSync(directory, { recursive: true })
    }
  }
}
