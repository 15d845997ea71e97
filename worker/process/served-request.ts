/** What is known of the request in whose service code runs: for its errors, and for what the gateway is told of it. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { type FromWorker, type GmailAttempt, MOST_TOLD_REQUESTS } from '#shared/worker-protocol.ts'

type CallEnded = Extract<FromWorker, { type: 'call-ended' }>

/** What one call has done so far. */
export interface CallRecord {
  /** As `Clock.monotonic`. */
  readonly since: number
  readonly gmail: GmailAttempt[]
  sentTo: number | undefined
  /** It met an error that nobody foresaw. */
  isOurFault: boolean
}

export interface ServedRequest {
  /** The gateway's name for the HTTP request. */
  readonly exchange: string
  /** The name that its client knows, if the gateway said it. */
  readonly shownId: string | undefined
  /** Every call is told of, not only those that failed. */
  readonly isTraced: boolean
  readonly tell: (ended: CallEnded) => void
  /** The call of a tool that code runs in. */
  readonly call?: CallRecord
}

const current = new AsyncLocalStorage<ServedRequest>()

/** Runs `serve` in the service of this request. */
export const inServiceOf = <T>(request: ServedRequest, serve: () => T): T =>
  current.run(request, serve)

/** Undefined where there is no gateway, and for what is done on nobody's behalf. */
export const servedRequest = (): ServedRequest | undefined => current.getStore()

let running = 0

/** How many calls of tools are being run, also for clients that have left. */
export const callsRunning = (): number => running

/** Runs a call of a tool, so that what it does is noted in `call`; where there is no gateway, nothing is. */
export async function inCall<T>(call: CallRecord, run: () => Promise<T>): Promise<T> {
  const request = current.getStore()
  running += 1
  try {
    return await (request ? current.run({ ...request, call }, run) : run())
  } finally {
    running -= 1
  }
}

/** A call that has done nothing yet. */
export const newCall = (since: number): CallRecord => ({
  since,
  gmail: [],
  sentTo: undefined,
  isOurFault: false
})

/** A request to Gmail came to its end. `startedAt` and `now` are as `Clock.monotonic`. */
export function noteGmailRequest(
  method: GmailAttempt['method'],
  { status, attempt }: { readonly status: number | undefined; readonly attempt: number },
  startedAt: number,
  now: number
): void {
  const { call } = current.getStore() ?? {}
  if (!call || call.gmail.length >= MOST_TOLD_REQUESTS) return
  const at = Math.max(0, startedAt - call.since)
  const ms = Math.max(0, now - startedAt)
  call.gmail.push({ method, at, ms, attempt, ...(status !== undefined && { status }) })
}

/** A message went out. */
export function noteSent(recipients: number): void {
  const { call } = current.getStore() ?? {}
  if (call) call.sentTo = (call.sentTo ?? 0) + recipients
}

/** An error that is nobody else's. */
export function noteOurFault(): void {
  const { call } = current.getStore() ?? {}
  if (call) call.isOurFault = true
}
