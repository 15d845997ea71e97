import { setImmediate } from 'node:timers/promises'
import { type Clock, machineMonotonic } from '#shared/clock.ts'

/**
 * Calls `end` when the time is over that was told last, in ms of `machineMonotonic`. A gateway that is stopped ends no
 * worker when another machine starts one for the same person, so its worker ends itself.
 */
export function lastUntilTold(clock: Clock, end: () => void): (until: number) => void {
  let disarm = (): void => {}
  return (until) => {
    disarm()
    let isRenewed = false
    const over = async (): Promise<void> => {
      // After a long computation, what came meanwhile is read only after this timer.
      await setImmediate()
      await setImmediate()
      if (!isRenewed) end()
    }
    const cancel = clock.after(Math.max(0, until - machineMonotonic()), () => void over())
    disarm = () => {
      isRenewed = true
      cancel()
    }
  }
}
