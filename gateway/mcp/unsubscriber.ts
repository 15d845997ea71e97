import type { Clock } from '#shared/clock.ts'
import type { UserId } from '#shared/ids.ts'
import type { UnsubscribeAnswer } from '#shared/worker-protocol.ts'

/** Leaves mailing lists by RFC 8058's request, which a worker has no network to make. */
export interface Unsubscriber {
  /** Makes the request, which says nothing of whom it is for beyond the address. Never rejects. */
  post(userId: UserId, url: string): Promise<UnsubscribeAnswer>
}

const TIMEOUT_MS = 10_000
/** Of one person in an hour: the address is a worker's word, and it could be anybody's. */
const MOST_AN_HOUR = 100
const HOUR_MS = 3_600_000
const MOST_AT_ONCE = 8
/** Of one person, so that nobody has all of them. */
const MOST_OF_ONE = 2
const MOST_PEOPLE = 100_000

/** `fetch` guards where it goes (`oauth/guarded-fetch.ts`) and follows no redirect. */
export function createUnsubscriber(fetch: typeof globalThis.fetch, clock: Clock): Unsubscriber {
  const spent = new Map<UserId, { count: number; readonly until: number }>()
  /** Whose requests are under way, once for each. */
  const underway: UserId[] = []

  function mayAsk(userId: UserId): boolean {
    const now = clock.monotonic()
    const known = spent.get(userId)
    const window = known && known.until > now ? known : { count: 0, until: now + HOUR_MS }
    const own = underway.filter((each) => each === userId).length
    if (own >= MOST_OF_ONE || underway.length >= MOST_AT_ONCE) return false
    if (window.count >= MOST_AN_HOUR) return false
    window.count += 1
    spent.delete(userId)
    spent.set(userId, window)
    for (const oldest of spent.keys()) {
      if (spent.size <= MOST_PEOPLE) break
      spent.delete(oldest)
    }
    return true
  }

  return {
    async post(userId, url) {
      if (!mayAsk(userId)) return { outcome: 'busy' }
      underway.push(userId)
      try {
        const response = await fetch(url, {
          method: 'POST',
          // RFC 8058, section 3.2: this body, and nothing that tells who asks.
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: 'List-Unsubscribe=One-Click',
          redirect: 'manual',
          signal: AbortSignal.timeout(TIMEOUT_MS)
        })
        await response.body?.cancel() // nobody wants to read it
        return { outcome: 'answered', status: response.status }
      } catch {
        return { outcome: 'unreachable' }
      } finally {
        underway.splice(underway.indexOf(userId), 1)
      }
    }
  }
}
