import type { Clock } from '#shared/clock.ts'

/** How often a process that was killed is looked at until it is gone. */
const LOOK_MS = 2
/** The kernel has killed it by then, or it waits for a disk and never will. */
const MOST_LOOKS = 500

/**
 * Resolves when a process is gone that was killed, or after a second. `startOf` tells when it began; undefined when it is
 * gone.
 */
export async function awaitProcessEnd(
  clock: Clock,
  startOf: () => string | undefined
): Promise<void> {
  const start = startOf()
  for (let looks = 0; looks < MOST_LOOKS; looks += 1) {
    const now = startOf()
    if (now === undefined || now !== start) return
    // At this process's own end there may be nothing else that keeps it alive.
    await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve, 'lasts'))
  }
}
