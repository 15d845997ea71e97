/** Time as a dependency, so that tests can move it by hand. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number
  /**
   * Milliseconds since some moment, only ever growing: for every duration. The wall clock steps when it is put
   * right, and a duration counted by it would be negative, or years.
   */
  monotonic(): number
  /**
   * Calls `fn` once after `ms`. The returned function cancels it and may be called more than once. Only with `lasts` does
   * the process stay alive for it, where nothing else keeps it so.
   */
  after(ms: number, fn: () => void, lasts?: 'lasts'): () => void
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, fn, lasts) {
    const timer = setTimeout(fn, ms)
    if (lasts === undefined) timer.unref()
    return () => clearTimeout(timer)
  }
}

/** Ms of the clock that all processes of this machine share and nobody sets, whenever they began. */
export const machineMonotonic = (): number => Number(process.hrtime.bigint() / 1000n) / 1000
