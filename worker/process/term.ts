import { setImmediate } from 'node:timers/promises'
import { type Clock, machineMonotonic } from '#shared/clock.ts'

export interface TermParts {
  readonly clock: Clock
  /** Whether something is being done for the account. */
  readonly isBusy: () => boolean
  /** Ends this process. */
  readonly end: () => void
}

/** The time for which a worker may serve its account. */
export interface Term {
  /** It may until then, in ms of `machineMonotonic`; what was told before counts no more. */
  lastsUntil(until: number): void
  /** Something begins to be done for the account. */
  begins(): void
}

/**
 * A gateway that is stopped ends no worker when another machine starts one for the same person, so its worker ends
 * itself: when the time is over that was told last, if it does something then, else when it is to do something. One
 * that sleeps harms nobody, and is told nothing.
 */
export function termOf({ clock, isBusy, end }: TermParts): Term {
  let disarm = (): void => {}
  let isOver = false
  return {
    lastsUntil(until) {
      disarm()
      isOver = false
      let isRenewed = false
      const over = async (): Promise<void> => {
        // After a long computation, what came meanwhile is read only after this timer.
        await setImmediate()
        await setImmediate()
        if (isRenewed) return
        isOver = true
        if (isBusy()) end()
      }
      const cancel = clock.after(Math.max(0, until - machineMonotonic()), () => void over())
      disarm = () => {
        isRenewed = true
        cancel()
      }
    },
    begins() {
      if (isOver) end()
    }
  }
}
