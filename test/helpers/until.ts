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

/** What `read` answers once it is `wanted`; what it answers after 5 s if it never is. */
export async function becomes<T>(
  read: () => Promise<T>,
  wanted: (value: T) => boolean
): Promise<T> {
  const end = performance.now() + 5000
  for (;;) {
    const value = await read()
    if (wanted(value) || performance.now() > end) return value
    await setTimeout(POLL_MS)
  }
}
