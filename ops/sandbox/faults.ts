import * as z from 'zod'

/** A fault to be injected; also the body of `POST /sandbox/faults`. */
export const FaultInput = z.strictObject({
  /** Which requests it hits. Without `method` every Gmail method, or the token endpoint for `invalid_grant`. */
  match: z.strictObject({ method: z.string().optional(), user: z.string().optional() }).optional(),
  kind: z.enum(['429', 'rate403', '500', '503', 'slow', 'reset', 'malformed', 'invalid_grant']),
  /** How often; for ever when missing. */
  times: z.int().positive().optional(),
  /** Lets the request take effect and spoils only its answer: what a lost connection may hide. `malformed` always does. */
  afterEffect: z.boolean().optional(),
  /** How long `slow` holds the request, in milliseconds. */
  ms: z.int().nonnegative().optional(),
  /** Seconds, sent as `Retry-After`. */
  retryAfter: z.int().nonnegative().optional()
})

export type Fault = z.input<typeof FaultInput>

/** The faults that are waiting to happen. */
export class Faults {
  #waiting: { fault: Fault; left: number }[] = []

  inject(fault: Fault): void {
    this.#waiting.push({ fault, left: fault.times ?? Number.POSITIVE_INFINITY })
  }

  clear(): void {
    this.#waiting = []
  }

  /** The first fault for this request, counted as used. */
  take(request: { method: string; user: string | undefined; isGmail: boolean }): Fault | undefined {
    const found = this.#waiting.find(({ fault }) => applies(fault, request))
    if (!found) return undefined
    found.left -= 1
    if (found.left <= 0) this.#waiting = this.#waiting.filter((other) => other !== found)
    return found.fault
  }
}

function applies(
  { match, kind }: Fault,
  { method, user, isGmail }: { method: string; user: string | undefined; isGmail: boolean }
): boolean {
  if (match?.user !== undefined && match.user.toLowerCase() !== user) return false
  if (match?.method !== undefined) return match.method === method
  return kind === 'invalid_grant' ? method === 'token' : isGmail
}
