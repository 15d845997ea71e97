import pLimit, { type LimitFunction } from 'p-limit'
import { covers } from '#shared/access-levels.ts'
import { GatewayError } from '#shared/errors.ts'
import { asSessionId, type UserId, type WorkerId } from '#shared/ids.ts'
import type { SendAnswer } from '#shared/send-ledger.ts'
import type { FromWorker } from '#shared/worker-protocol.ts'
import type { TokenBroker } from '../accounts/token-broker.ts'
import { TokenBucket } from '../launcher/token-bucket.ts'
import type { Exchanges } from '../relay/exchange.ts'
import type { SessionRegistry } from '../sessions/registry.ts'
import type { Confirmations } from '../sign-in/confirmations.ts'
import type { SendLedger } from '../store/send-ledger.ts'
import type { RunningWorker } from '../supervisor/supervisor.ts'
import type { CallLog } from '../telemetry/call-log.ts'
import type { Log } from '../telemetry/log.ts'
import { LogRateLimit } from '../telemetry/log-rate-limit.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { UsageLedger } from '../telemetry/usage-ledger.ts'
import { workerOutput } from '../telemetry/worker-output.ts'
import type { FileTarget, OneTimeLinks, SlotTarget } from './one-time-links.ts'
import type { QuotaShares } from './quota-shares.ts'
import { placeOfExchange } from './record-calls.ts'
import { traceCall } from './trace-requests.ts'
import type { Unsubscriber } from './unsubscriber.ts'

export type SignInMessage = Extract<FromWorker, { type: 'sign-in' }>

export interface WorkerMessagesParts {
  readonly broker: TokenBroker
  readonly sends: SendLedger
  readonly links: OneTimeLinks<FileTarget>
  readonly slots: OneTimeLinks<SlotTarget>
  readonly confirmations: Pick<Confirmations, 'ask'>
  readonly quota: Pick<QuotaShares, 'ask'>
  readonly unsubscriber: Unsubscriber
  /** An origin. */
  readonly publicUrl: string
  /** Rejects when this gateway may no longer run the user's worker. */
  readonly verifyLease: (userId: UserId) => Promise<void>
  readonly sessions: SessionRegistry
  /** Answers the sign-in tools, where they are on. */
  readonly onSignIn: ((worker: RunningWorker, message: SignInMessage) => void) | undefined
  readonly exchanges: Exchanges
  readonly ledger: Pick<UsageLedger, 'called' | 'spent'>
  readonly metrics: Metrics
  readonly callLog: CallLog
  /** Mail was sent. Must neither wait nor throw. */
  readonly onSent: OnSent
  readonly log: Log
  /** As `Clock.monotonic`. */
  readonly now: () => number
}

/** Questions of one worker that are dealt with at once: each may need the store, which is everybody's. */
const AT_ONCE = 8
/** And that wait. A worker of ours has as many as its person has calls. */
const MOST_WAITING = 500
/** Mail that a worker says it has sent for a call that is over: a client may have left, but not often. */
const LATE_SENDS = { burst: 20, perSecond: 0.1 }

const FOREIGN = 'it tells of a request that is not its own, or was not made'

/** What is kept of one worker while it lives. */
interface Counter {
  readonly turns: LimitFunction
  readonly lateSends: TokenBucket
}

type SaidLevel = Extract<FromWorker, { type: 'log' }>['level']

export type OnSent = (
  userId: UserId,
  sent: {
    readonly tool: string | undefined
    readonly recipients: number
    /** Who signed in, when the mailbox is another account's. */
    readonly person: UserId | undefined
    readonly requestId: string | undefined
  }
) => void

/**
 * Deals with what workers say. Whose account it is about is the worker's own, fixed when it was assigned;
 * nothing in a message can name another.
 */
export function dispatchWorkerMessages(parts: WorkerMessagesParts) {
  const counters = new WeakMap<RunningWorker, Counter>()
  const brake = new LogRateLimit(parts.now)
  const counterOf = (worker: RunningWorker): Counter => {
    const known = counters.get(worker)
    if (known) return known
    const turns = pLimit(AT_ONCE)
    const counter = { turns, lateSends: new TokenBucket(LATE_SENDS, parts.now) }
    counters.set(worker, counter)
    return counter
  }
  /** Nobody's questions keep others from the store. What there is no room for was never asked: its call waits in vain. */
  const inTurn = (worker: RunningWorker, answer: () => Promise<void>): void => {
    const { turns } = counterOf(worker)
    if (turns.pendingCount < MOST_WAITING)
      void turns(answer) // which never rejects
    else logSaid(worker, 'warn', 'it asks more than can be answered')
  }
  const logSaid = (worker: RunningWorker, level: SaidLevel, said: unknown): void => {
    const left = brake.pass(worker.id, 'said')
    if (left === undefined) return
    const more = left > 0 && { notTold: left }
    parts.log[level]({ worker: worker.id, said, ...more }, 'a worker says')
  }
  return (worker: RunningWorker, message: FromWorker): void => {
    switch (message.type) {
      case 'token':
        inTurn(worker, () => giveToken(parts, worker, message))
        break
      case 'link':
        giveLink(parts, worker, message)
        break
      case 'upload':
        giveSlot(parts, worker, message)
        break
      case 'unsubscribe':
        inTurn(worker, () => unsubscribe(parts, worker, message))
        break
      case 'units':
        void giveUnits(parts, worker, message) // never rejects
        break
      case 'confirm':
        inTurn(worker, () => askPerson(parts, worker, message))
        break
      case 'send':
        inTurn(worker, () => noteSend(parts, worker, message))
        break
      case 'session-opened':
        inTurn(worker, () => openSession(parts, worker, message))
        break
      case 'session-abandoned':
        inTurn(worker, async () => {
          const id = asSessionId(message.sessionId)
          await parts.sessions.endById(id, worker.userId, 'abandoned').catch(() => {})
        })
        break
      case 'sign-in':
        parts.onSignIn?.(worker, message)
        break
      case 'call':
        if (!noteCall(parts, worker, message)) logSaid(worker, 'error', FOREIGN)
        break
      case 'call-ended':
        if (!endCall(parts, worker, message, counterOf(worker).lateSends))
          logSaid(worker, 'error', FOREIGN)
        break
      case 'metrics':
        count(parts.metrics, message)
        for (const { name, value } of message.counts)
          if (name === 'gmail_units') parts.ledger.spent(worker.userId, value)
        break
      case 'log':
        logSaid(worker, message.level, workerOutput(message.message, message.fields))
        break
    }
  }
}

async function giveToken(
  { broker, verifyLease }: WorkerMessagesParts,
  { userId, channel }: RunningWorker,
  { id, force }: Extract<FromWorker, { type: 'token' }>
): Promise<void> {
  try {
    const { accessToken, expiresAt } = await broker.accessToken(userId, { force })
    await verifyLease(userId) // last, because getting a token may take longer than a lease lives
    channel.send({ type: 'token', id, accessToken, expiresAt })
  } catch (error) {
    // A grant whose key is gone is as good as none: the person gives a new one.
    const isOver =
      error instanceof GatewayError && ['ERR_NEEDS_REAUTH', 'ERR_VAULT'].includes(error.code)
    const code = isOver ? 'needs_reauth' : 'upstream_unavailable'
    channel.send({ type: 'token-refused', id, code })
  }
}

async function unsubscribe(
  { unsubscriber, exchanges }: WorkerMessagesParts,
  { id: workerId, userId, channel }: RunningWorker,
  { id, url }: Extract<FromWorker, { type: 'unsubscribe' }>
): Promise<void> {
  // A worker that has fallen could ask at any time, and for whoever may only read.
  const mayChange = accessesOf(exchanges, workerId).some(
    ({ level }) => level !== undefined && covers(level, 'gmail.modify')
  )
  const answer = mayChange
    ? await unsubscriber.post(userId, url)
    : { outcome: 'unreachable' as const }
  channel.send({ type: 'unsubscribe-answer', id, answer })
}

async function giveUnits(
  { quota }: WorkerMessagesParts,
  { userId, channel }: RunningWorker,
  { id, units }: Extract<FromWorker, { type: 'units' }>
): Promise<void> {
  channel.send({ type: 'units-answer', id, ...(await quota.ask(userId, units)) })
}

async function askPerson(
  { confirmations, log }: WorkerMessagesParts,
  { id: worker, userId, channel }: RunningWorker,
  { id, hash, words }: Extract<FromWorker, { type: 'confirm' }>
): Promise<void> {
  const answer = await confirmations.ask(userId, hash, words).catch((err: unknown) => {
    log.error({ err, worker }, 'a person was not asked')
    return { state: 'unavailable' as const }
  })
  channel.send({ type: 'confirm-answer', id, answer })
}

async function noteSend(
  { sends, log }: WorkerMessagesParts,
  { id: worker, userId, channel }: RunningWorker,
  { id, question }: Extract<FromWorker, { type: 'send' }>
): Promise<void> {
  const ask = (): Promise<SendAnswer> => {
    if (question.ask === 'begin') return sends.begin(userId, question)
    if (question.ask === 'look') return sends.look(userId, question)
    return sends.end(userId, question).then(() => ({ state: 'noted' }))
  }
  const answer = await ask().catch((error: unknown): SendAnswer => {
    log.error({ err: error, worker, ask: question.ask }, 'a send was not noted')
    return { state: 'unavailable' }
  })
  channel.send({ type: 'send-answer', id, answer })
}

function giveLink(
  { links, publicUrl, exchanges }: WorkerMessagesParts,
  { id: workerId, userId, channel }: RunningWorker,
  { id, messageId, partId }: Extract<FromWorker, { type: 'link' }>
): void {
  const accesses = accessesOf(exchanges, workerId)
  const { ticket, expiresAt } = links.create({ userId, messageId, partId, accesses })
  const url = `${publicUrl}/attachments/${ticket}`
  channel.send({ type: 'linked', id, url, expiresAt: new Date(expiresAt).toISOString() })
}

function giveSlot(
  { slots, publicUrl, exchanges }: WorkerMessagesParts,
  { id: workerId, userId, channel }: RunningWorker,
  { id, uploadId, size }: Extract<FromWorker, { type: 'upload' }>
): void {
  const accesses = accessesOf(exchanges, workerId)
  const { ticket, expiresAt } = slots.create({ userId, uploadId, size, accesses })
  const url = `${publicUrl}/uploads/${ticket}`
  channel.send({ type: 'linked', id, url, expiresAt: new Date(expiresAt).toISOString() })
}

/** The worker does not say for which call it asks: a link rests on all that are in flight for the account. */
const accessesOf = (exchanges: Exchanges, workerId: WorkerId) =>
  exchanges.ofWorker(workerId).map(({ caller }) => caller)

async function openSession(
  { sessions, log }: WorkerMessagesParts,
  worker: RunningWorker,
  message: Extract<FromWorker, { type: 'session-opened' }>
): Promise<void> {
  const { id, initialize, clientId } = message
  try {
    await sessions.open({
      id: asSessionId(message.sessionId),
      userId: worker.userId,
      clientId,
      initialize,
      workerId: worker.id
    })
    void worker.gone.then(() => sessions.workerGone(worker.id, 'crash')) // it may be gone already
    worker.channel.send({ type: 'session-stored', id })
  } catch (error) {
    log.error({ err: error, worker: worker.id }, 'session not stored')
    worker.channel.send({ type: 'session-refused', id, ...refusalOf(error) })
  }
}

/** Only what the client itself sent is told without the wish that it try again. */
function refusalOf(error: unknown): { message: string; retryAfter?: number } {
  const sentence = 'The session could not be stored; try again.'
  if (!(error instanceof GatewayError)) return { message: sentence, retryAfter: 1 }
  const { message, statusCode, retryAfter = 1 } = error
  return statusCode < 500 ? { message } : { message, retryAfter }
}

/** False when the worker named a request that is not its own, or more than was asked. */
function noteCall(
  parts: WorkerMessagesParts,
  worker: RunningWorker,
  { request, rpcId, method, tool }: Extract<FromWorker, { type: 'call' }>
): boolean {
  if (isForeign(parts, worker, request)) return false
  const { exchanges, ledger, metrics } = parts
  const exchange = exchanges.get(request)
  if (exchange?.isRead) return true // it is counted
  ledger.called(worker.userId)
  if (!exchange) return true // over before this arrived
  const { session } = exchange
  if (session && session.inFlight > 1 && exchanges.isTaken(session, rpcId))
    metrics.http.idCollisions.inc({})
  return exchanges.heard(exchange, { rpcId, method, tool })
}

/** Whether a worker tells of a request that another one serves. That is never true, and somebody should know. */
function isForeign(
  { exchanges, metrics }: WorkerMessagesParts,
  worker: RunningWorker,
  request: string
): boolean {
  const exchange = exchanges.get(request)
  if (!exchange || exchange.worker === worker) return false
  metrics.http.misroutesBlocked.inc({})
  return true
}

/** What a worker tells of a call's end: for the log, and, when mail was sent, for the audit. False as for `noteCall`. */
function endCall(
  parts: WorkerMessagesParts,
  worker: RunningWorker,
  { request, tool, ms, fault, code, gmail, sentTo }: Extract<FromWorker, { type: 'call-ended' }>,
  lateSends: TokenBucket
): boolean {
  if (isForeign(parts, worker, request)) return false
  const { exchanges, callLog, onSent } = parts
  const isFailed = fault !== undefined
  const ended = exchanges.ended(request, { tool, isFailed })
  const requestId = ended?.exchange.requestId
  const person = ended?.exchange.caller.person
  // Also when its client has left: what was sent was sent.
  if (sentTo !== undefined && (ended || lateSends.take(1)))
    onSent(worker.userId, { tool, recipients: sentTo, requestId, person })
  if (!ended) return true
  const place = placeOfExchange(ended.exchange)
  const { method, tool: named } = ended.call
  const error = code ?? 'failed'
  const { since, reply } = ended.exchange
  const to = performance.now()
  // A call whose time its worker does not tell began with its exchange, and none did before.
  const from = ms > 0 ? Math.max(since, to - ms) : since
  const failure = fault && { fault, error }
  traceCall(reply.request, { method, tool: named, from, to, failure, gmail, place })
  callLog.gmailFailed(place, gmail)
  if (fault) callLog.failed({ ...place, method, tool: named, fault, error, ms, gmail })
  return true
}

/** A worker's numbers are added to ours, so that its end resets nothing. */
function count({ gmail, tools }: Metrics, report: Extract<FromWorker, { type: 'metrics' }>): void {
  const counters = {
    gmail_requests: gmail.requests,
    gmail_units: gmail.units,
    gmail_throttled: gmail.throttled,
    gmail_retries: gmail.retries,
    sends_deduplicated: gmail.deduplicated,
    tool_calls: tools.calls
  }
  const histograms = { gmail_seconds: gmail.seconds, tool_seconds: tools.seconds }
  for (const { name, labels, value } of report.counts) counters[name].report(labels, value)
  for (const { name, labels, value } of report.observations) histograms[name].report(labels, value)
}
