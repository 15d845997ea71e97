import { setTimeout } from 'node:timers/promises'

const POLL_MS = 5

/** Waits for something of another process that has no event: looks again and again, for at most 5 s. */
export async function until(fact: () => boolean, deadlineMs = 5000): Promise<boolean> {
  const end = performance.now() + deadlineMs
  while (!fact()) {
    if (performance.now() > end) return false
    await setTimeout(POLL_MS)
  }
  return true
}
