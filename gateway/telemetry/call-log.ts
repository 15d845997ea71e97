import type { ErrorCode } from '#shared/errors.ts'
import type { UserId } from '#shared/ids.ts'
import { SIGN_IN_TOOL_NAMES, TOOL_NAMES } from '#shared/tool-names.ts'
import type { Fault, GmailAttempt } from '#shared/worker-protocol.ts'
import type { Events } from './events.ts'
import { LogRateLimit } from './log-rate-limit.ts'
import type { Metrics } from './metrics.ts'

/** What a line says of where a call belongs. None of it is a secret or names a person. */
export interface CallContext {
  readonly requestId: string
  /** The trace it is part of, if its caller or this gateway made one. */
  readonly trace?: string | undefined
  readonly userId?: UserId | undefined
  /** A handle. */
  readonly session?: string | undefined
  readonly worker?: string | undefined
}

export interface FailedCall extends CallContext {
  readonly method?: string | undefined
  readonly tool?: string | undefined
  readonly fault: Fault
  /** One of ours (`ERR_…`), of a tool, of JSON-RPC, or an HTTP status. */
  readonly error: string
  readonly ms: number
  readonly gmail?: readonly GmailAttempt[]
}

/** What a client causes is no reason to wake anybody. */
const LEVEL = { client: 'info', gmail: 'warn', server: 'warn' } as const

/** A line for each call that fails, and the numbers from which a service level is computed. */
export class CallLog {
  readonly #events: Events
  readonly #metrics: Pick<Metrics, 'calls'>
  readonly #brake: LogRateLimit

  constructor(parts: {
    readonly events: Events
    readonly metrics: Pick<Metrics, 'calls'>
    /** As `Clock.monotonic`. */
    readonly now: () => number
  }) {
    this.#events = parts.events
    this.#metrics = parts.metrics
    this.#brake = new LogRateLimit(parts.now)
  }

  /** A call came to its end as it should. */
  succeeded(): void {
    this.#metrics.calls.inc({ outcome: 'ok' })
  }

  /** `isCall` is false for what is no call of JSON-RPC, such as a stream that was refused. */
  failed(call: FailedCall, isCall = true): void {
    if (isCall) this.#metrics.calls.inc({ outcome: call.fault })
    // Nobody fills a disk with lines: not with calls that cost nothing, because they are refused.
    const passed = this.#brake.pass(call.userId ?? '', call.error)
    if (passed === undefined) return
    const { gmail = [], ...others } = call
    const last = gmail.findLast(({ status = 0 }) => status < 200 || status >= 300)
    this.#events.tell(
      'call_failed',
      {
        ...others,
        ...(call.tool !== undefined && { tool: knownTool(call.tool) }),
        ...(call.method !== undefined && { method: knownMethod(call.method) }),
        ms: Math.round(call.ms),
        ...(last && { gmail: last.method, gmailStatus: last.status ?? 0, attempt: last.attempt }),
        ...(passed > 0 && { notTold: passed })
      },
      LEVEL[call.fault]
    )
  }

  /** Requests that Gmail did not answer as it should, also where the call went well in the end. */
  gmailFailed(place: CallContext, gmail: readonly GmailAttempt[]): void {
    for (const { method, status = 0, ms, attempt } of gmail) {
      if (status >= 200 && status < 300) continue
      const passed = this.#brake.pass(place.userId ?? '', 'gmail')
      if (passed === undefined) continue
      this.#events.tell('gmail_failed', {
        ...place,
        gmail: method,
        gmailStatus: status,
        ms: Math.round(ms),
        attempt,
        ...(passed > 0 && { notTold: passed })
      })
    }
  }
}

const TOOLS: ReadonlySet<string> = new Set([...TOOL_NAMES, ...SIGN_IN_TOOL_NAMES])

/** A client may name a tool as it likes: such names stay out of log and traces. */
export const knownTool = (name: string): string => (TOOLS.has(name) ? name : 'other')

const METHODS: ReadonlySet<string> = new Set([
  ...['initialize', 'ping', 'server/discover', 'subscriptions/listen', 'logging/setLevel'],
  ...['tools/list', 'tools/call', 'prompts/list', 'prompts/get', 'completion/complete'],
  ...['resources/list', 'resources/templates/list', 'resources/read'],
  ...['resources/subscribe', 'resources/unsubscribe']
])

export const knownMethod = (name: string): string => (METHODS.has(name) ? name : 'other')

/** Google's part in it, the caller's, or ours. */
export const faultOf = (code: ErrorCode | 'ERR_INTERNAL', status: number): Fault => {
  if (code === 'ERR_UPSTREAM') return 'gmail'
  return status < 500 ? 'client' : 'server'
}
