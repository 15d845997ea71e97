import { setTimeout as delay } from 'node:timers/promises'
import type { Fault } from '../../ops/sandbox/faults.ts'
import type { Random } from '../../ops/sandbox/random.ts'
import type { Sandbox } from '../../ops/sandbox/sandbox.ts'

const BETWEEN_MS = 400
const SLOW_MS = 5000
/**
 * Far more than the 10 s in which the gateway replaces a person's token once, because it is found out only when the
 * person calls.
 */
const TOKEN_LIVES_MS = 60_000

const KINDS = ['429', 'rate403', '500', '503', 'reset', 'slow', 'malformed'] as const
/** Google refuses these before it does anything. */
const REFUSALS: readonly Fault['kind'][] = ['429', 'rate403']

/** Lets Google fail at random until `signal` ends it. Gives what was done how often. */
export async function letGoogleFail(
  sandbox: Sandbox,
  random: Random,
  signal: AbortSignal
): Promise<Readonly<Record<string, number>>> {
  const done: Record<string, number> = {}
  const count = (what: string): void => {
    done[what] = (done[what] ?? 0) + 1
  }
  const people = sandbox.users.map(({ email }) => ({ email, expiredAt: Number.NEGATIVE_INFINITY }))
  while (!signal.aborted) {
    await delay(random.below(BETWEEN_MS), undefined, { signal }).catch(() => {})
    const dice = random.below(12)
    if (dice === 0) {
      const person = people[random.below(people.length)]
      if (!person || performance.now() - person.expiredAt < TOKEN_LIVES_MS) continue
      person.expiredAt = performance.now()
      sandbox.expireAccessTokens(person.email)
      count('401')
    } else {
      const fault = someFault(random)
      sandbox.faults.inject(dice === 1 ? { ...fault, match: { method: 'token' } } : fault)
      count(fault.kind)
    }
  }
  sandbox.faults.clear()
  return done
}

function someFault(random: Random): Fault {
  const kind = random.pick(KINDS)
  return {
    kind,
    times: 1 + random.below(2),
    ms: random.below(SLOW_MS),
    afterEffect: !REFUSALS.includes(kind) && random.below(2) === 0,
    ...(random.below(2) === 0 && { retryAfter: random.below(3) })
  }
}
