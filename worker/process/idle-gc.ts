import { runInNewContext } from 'node:vm'
import type { Clock } from '#shared/clock.ts'

/** Longer than most pauses within a conversation, and much shorter than the time until a worker is stopped. */
const QUIET_MS = 10_000
const LONGEST_QUIET_MS = 80_000
/** What happens less often between two pauses leaves little to tidy up. A call counts twice, at its beginning and end. */
const LITTLE = 20

/**
 * Gives a function to be called whenever something happens. When nothing has happened for a while, `tidy` is
 * called, once. After little has happened the next pause has to be twice as long: tidying up takes some ten times what
 * a call takes, and who calls every quarter of a minute would pay it with each.
 */
export function whenIdle(clock: Clock, tidy: () => void): () => void {
  let cancel = (): void => {}
  let quietMs = QUIET_MS
  let times = 0
  const isQuiet = (): void => {
    quietMs = times > LITTLE ? QUIET_MS : Math.min(2 * quietMs, LONGEST_QUIET_MS)
    times = 0
    tidy()
  }
  return () => {
    times += 1
    cancel()
    cancel = clock.after(quietMs, isQuiet)
  }
}

/** Collects all garbage and gives the memory back to the system, which V8 does not do by itself. Takes some 30 ms. */
export function collectGarbage(): void {
  const { setFlagsFromString } = process.getBuiltinModule('node:v8') // not at the start, where it takes 3 ms
  setFlagsFromString('--expose-gc')
  const collect: NonNullable<typeof globalThis.gc> = runInNewContext('gc')
  // V8 takes the code that Node has kept of its own modules only under the flags that it was kept under.
  setFlagsFromString('--no-expose-gc')
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}
