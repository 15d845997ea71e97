/** Joins what serves MCP: sessions, workers, streams and what is in flight, each hearing of the others. */
import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import { isAnonymous, type UserId } from '#shared/ids.ts'
import type { BearerTokens } from '../accounts/bearer-tokens.ts'
import type { TokenBroker } from '../accounts/token-broker.ts'
import type { Config } from '../config/config.ts'
import type { Launcher } from '../launcher/launcher.ts'
import { mainThread, processUse } from '../launcher/procfs.ts'
import { DrainSwitch } from '../ownership/drain-switch.ts'
import type { Ownership } from '../ownership/ownership.ts'
import { BufferedBytes } from '../relay/buffered-bytes.ts'
import { Exchanges } from '../relay/exchange.ts'
import { ResumableAnswers } from '../relay/resumable-answers.ts'
import { GuestSessions } from '../sessions/guest-sessions.ts'
import { type SessionEvents, SessionRegistry } from '../sessions/registry.ts'
import { Restorer } from '../sessions/restore.ts'
import type { HibernationCause } from '../sessions/session.ts'
import type { Change } from '../store/change-feed.ts'
import { createSendLedger } from '../store/send-ledger.ts'
import type { Store } from '../store/store.ts'
import { isStoreError } from '../store/store-trouble.ts'
import type { Assignment } from '../supervisor/assigned-worker.ts'
import type { Supervisor, WorkerEnd, WorkerEvents } from '../supervisor/supervisor.ts'
import { supervisorSettings } from '../supervisor/supervisor-settings.ts'
import {
  createSupervisor,
  type SupervisorParts,
  type SupervisorSettings
} from '../supervisor/worker-supervisor.ts'
import type { CallLog } from '../telemetry/call-log.ts'
import { clientLabel } from '../telemetry/client-label.ts'
import { type Events, userHash } from '../telemetry/events.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { UsageLedger } from '../telemetry/usage-ledger.ts'
import { WorkerCpuTime } from '../telemetry/worker-cpu-time.ts'
import { AccessWatch, type AccessWatchParts } from './access-watch.ts'
import { CallerLimits } from './caller-limits.ts'
import { ClientStreams } from './client-streams.ts'
import { GrantNotifier } from './grant-notifier.ts'
import { type FileTarget, OneTimeLinks, type SlotTarget } from './one-time-links.ts'
import { QuotaShares } from './quota-shares.ts'
import { dispatchWorkerMessages, type WorkerMessagesParts } from './worker-messages.ts'

export interface DataPlaneParts {
  readonly config: Config
  readonly clock: Clock
  readonly store: Store
  readonly metrics: Metrics
  readonly log: Log
  readonly launcher: Launcher
  readonly broker: TokenBroker
  readonly confirmations: WorkerMessagesParts['confirmations']
  readonly unsubscriber: WorkerMessagesParts['unsubscriber']
  readonly ownership: Ownership
  /** This gateway's name in what it gives out. */
  readonly nodeTag: string
  /** What links end with, by which other gateways know whose they are; undefined where there are none. */
  readonly linkTag: string | undefined
  readonly isLive: BearerTokens['isLive']
  /** As `AccessWatchParts` has it. */
  readonly doubtful: AccessWatchParts['doubtful']
  /** Whether this person is served on while the database cannot be reached. */
  readonly goesOn: (userId: UserId) => boolean
  readonly assignment: (userId: UserId) => Promise<Assignment>
  /** Answers the sign-in tools, where they are on. */
  readonly onSignIn: WorkerMessagesParts['onSignIn']
  readonly isClockSettled: () => boolean
  readonly events: Events
  readonly callLog: CallLog
  readonly onSent: WorkerMessagesParts['onSent']
  /** Tells the other gateways over the same store; absent where there are none. */
  readonly tellOthers?: ((change: Change) => Promise<void>) | undefined
}

export interface DataPlane {
  readonly supervisor: Supervisor
  readonly sessions: SessionRegistry
  readonly restorer: Restorer
  readonly guests: GuestSessions
  readonly exchanges: Exchanges
  readonly streams: ClientStreams
  readonly limits: CallerLimits
  /** Ends what is open when the access it rests on is no more. */
  readonly access: AccessWatch
  readonly isLive: BearerTokens['isLive']
  /** Bytes of answers that wait for their clients. */
  readonly held: BufferedBytes
  /** Calls whose clients may come back for the answer. */
  readonly kept: ResumableAnswers
  /** To files of messages. */
  readonly links: OneTimeLinks<FileTarget>
  /** Where files may be put. */
  readonly slots: OneTimeLinks<SlotTarget>
  readonly door: DrainSwitch
  readonly ledger: UsageLedger
  readonly workerTime: WorkerCpuTime
  /** Google's grant of an account is another one: its worker and its clients learn of it. */
  grantChanged(userId: UserId): Promise<void>
  /** Ends what this person has in flight, their streams and their links, with `why` where somebody can be told. */
  cutOff(userId: UserId, why: GatewayError): void
  /**
   * Another gateway has the ports: nobody's worker is started here. A user's streams end when there is no
   * worker here any more, and come back there, where one may run then.
   */
  stopStarting(): void
  /** As `leave`, and the workers that are here get no new call. */
  stopServing(): void
  /** Whether this user's next call is for another gateway; a new stream is as soon as there is one. */
  isHandedOver(userId: UserId, what: 'call' | 'stream'): boolean
  /** Answers what is in flight, then ends streams and workers. May be called more than once. */
  close(): Promise<void>
}

export function createDataPlane(parts: DataPlaneParts): DataPlane {
  const { config, clock, store, metrics, ownership } = parts
  let stay: 'here' | 'leaving' | 'left' = 'here'
  const exchanges = new Exchanges()
  const links = new OneTimeLinks<FileTarget>(clock, parts.linkTag)
  const slots = new OneTimeLinks<SlotTarget>(clock, parts.linkTag)
  const quota = quotaOf(config, clock)
  const ledger = new UsageLedger(clock)
  const workerTime = new WorkerCpuTime((seconds) => metrics.workers.cpu.inc({}, seconds))
  const limits = limitsOf(config, clock)
  const access = accessOf(parts)
  const held = new BufferedBytes({ perUser: config.ANSWERS_PER_USER, inAll: config.ANSWERS_LIMIT })
  const kept = new ResumableAnswers(clock, parts.nodeTag)
  const restorer = restorerOf(parts)
  const guests = new GuestSessions()
  const streams = new ClientStreams({
    clock,
    limits,
    access,
    restorer,
    workerOf: (userId) => supervisor.peek(userId),
    opened: (kind) => metrics.http.streams.inc({ kind }),
    closed(kind, end, seconds) {
      metrics.http.streams.dec({ kind })
      metrics.http.streamSeconds.observe({ kind, end }, seconds)
    }
  })
  const sessions = new SessionRegistry({
    store,
    clock,
    isClockSettled: parts.isClockSettled,
    goesOn: parts.goesOn,
    rules: { ttlMs: config.SESSION_TTL, perUser: config.SESSIONS_PER_USER },
    verifyLease: async (userId, transaction) => {
      if (!isAnonymous(userId)) await ownership.verify(userId, transaction)
    },
    events: sessionEvents(parts, exchanges, streams, guests, (userId) => supervisor.peek(userId))
  })
  const supervisor: Supervisor = createSupervisor({
    clock,
    launcher: parts.launcher,
    assignment: parts.assignment,
    ...rightsOf(ownership, parts.linkTag !== undefined),
    random: Math.random,
    processUse,
    mainThread,
    settings: settingsOf(config),
    events: workerEvents(
      parts,
      { exchanges, streams, sessions, links, slots, ledger, workerTime, quota },
      {
        ready(userId) {
          void streams.bind(userId) // never rejects
          news.workerReady(userId)
        },
        gone(userId) {
          if (stay !== 'here') streams.handOver(userId)
        }
      }
    )
  })
  const news = new GrantNotifier({ supervisor, streams, assignment: parts.assignment })
  return {
    ...{ supervisor, sessions, restorer, guests, exchanges },
    ...{ streams, limits, access, held, links, slots },
    ...{ kept, ledger, workerTime },
    isLive: parts.isLive,
    door: new DrainSwitch(),
    grantChanged: (userId) => news.grantChanged(userId),
    cutOff(userId, why) {
      for (const exchange of exchanges.ofUser(userId)) exchange.abort.abort(why)
      streams.endUser(userId)
      links.forget(userId)
      slots.forget(userId)
    },
    stopStarting() {
      stay = 'leaving'
      for (const userId of streams.users()) if (!supervisor.peek(userId)) streams.handOver(userId)
    },
    stopServing() {
      stay = 'left'
    },
    isHandedOver: (userId, what) =>
      stay === 'left' || (stay === 'leaving' && (what === 'stream' || !supervisor.peek(userId))),
    async close() {
      await supervisor.drain()
      quota.close()
      streams.close()
      access.close()
      await supervisor.close()
      kept.close()
      await sessions.close()
    }
  }
}

/** Nobody has nothing that two gateways could fight over; where there are peers, they have to know who has nobody's session. */
const rightsOf = (
  ownership: Ownership,
  hasPeers: boolean
): Pick<SupervisorParts, 'hold' | 'leftMs'> => {
  const isFree = (userId: UserId): boolean => !hasPeers && isAnonymous(userId)
  return {
    hold: async (userId, signal) =>
      isFree(userId) ? { release() {} } : ownership.hold(userId, signal),
    leftMs: (userId) => (isFree(userId) ? Number.POSITIVE_INFINITY : ownership.leftMs(userId))
  }
}

const restorerOf = ({ clock, metrics: { sessions }, events }: DataPlaneParts): Restorer =>
  new Restorer(clock, {
    restored({ asleepBy: cause, userId, handle: session }, ok, seconds) {
      const result = ok ? 'ok' : 'failed'
      sessions.resumes.inc({ cause, result })
      sessions.resumeSeconds.observe({}, seconds)
      const ms = Math.round(seconds * 1000)
      events.tell('session_resumed', { userId, session, cause, result, ms }, ok ? 'info' : 'warn')
    }
  })

const accessOf = ({ clock, isLive, doubtful, log }: DataPlaneParts): AccessWatch =>
  new AccessWatch({
    clock,
    isLive,
    doubtful,
    failed: (err) => log.error({ err }, 'access not looked at')
  })

const quotaOf = (
  { GMAIL_UNITS: perPerson, GMAIL_PROJECT_UNITS: perProject }: Config,
  clock: Clock
): QuotaShares => new QuotaShares({ perPerson, perProject }, clock)

const limitsOf = (config: Config, clock: Clock): CallerLimits =>
  new CallerLimits(
    {
      inFlight: config.CALLS_PER_USER,
      perSecond: config.CALL_RATE,
      burst: config.CALL_BURST,
      streams: config.STREAMS_PER_USER
    },
    clock
  )

const settingsOf = (config: Config): SupervisorSettings =>
  supervisorSettings({
    workerLimit: config.WORKER_LIMIT,
    concurrentStarts: config.WORKER_STARTS,
    queueLimit: config.QUEUE_LIMIT,
    queueWaitMs: config.QUEUE_WAIT,
    startMs: config.WORKER_START_TIMEOUT,
    drainMs: config.DRAIN_TIMEOUT,
    idleMs: config.WORKER_IDLE,
    memoryBytes: config.WORKER_MEMORY,
    warmWorkers: config.WARM_WORKERS
  })

/** A session that ended takes along what belongs to it: its stream, its calls, its place in the worker. */
const sessionEvents = (
  { clock, metrics, log, events, tellOthers }: DataPlaneParts,
  exchanges: Exchanges,
  streams: ClientStreams,
  guests: GuestSessions,
  workerOf: Supervisor['peek']
): SessionEvents => ({
  started({ userId, handle, initialize }) {
    const client = clientLabel(initialize.clientInfo.name)
    metrics.sessions.started.inc({ era: 'legacy', client })
    events.tell('session_started', { userId, session: handle, client })
  },
  endedForAll({ handle }) {
    tellOthers?.({ kind: 'session', subject: handle }).catch((err: unknown) =>
      log.error({ err }, 'the other gateways were not told of an end')
    )
  },
  sweepFailed(err) {
    if (!isStoreError(err)) log.error({ err }, 'sessions not swept')
  },
  ended(session, reason) {
    metrics.sessions.ended.inc({ reason })
    events.tell('session_ended', { userId: session.userId, session: session.handle, reason })
    metrics.sessions.seconds.observe({}, (clock.now() - session.createdAt) / 1000)
    streams.endSession(session)
    guests.ended(session)
    workerOf(session.userId)?.channel.send({ type: 'end-session', sessionHash: session.hash })
    const why = new GatewayError('ERR_SESSION_UNKNOWN', 'The session was ended during this call.')
    for (const exchange of exchanges.ofSession(session)) exchange.abort.abort(why)
  }
})

function workerEvents(
  parts: DataPlaneParts,
  {
    exchanges,
    streams,
    sessions,
    links,
    slots,
    ledger,
    workerTime,
    quota
  }: Pick<
    DataPlane,
    'exchanges' | 'streams' | 'sessions' | 'links' | 'slots' | 'ledger' | 'workerTime'
  > & {
    readonly quota: QuotaShares
  },
  worker: { ready(userId: UserId): void; gone(userId: UserId): void }
): WorkerEvents {
  const { config, clock, metrics, log, broker, ownership, store, events } = parts
  const fallen = new Set<UserId>()
  return {
    onPhase(userId, _from, to) {
      if (to === 'ready') worker.ready(userId)
      if (to === 'draining') streams.letGo(userId)
    },
    onAssigned({ userId, id }) {
      if (fallen.delete(userId)) metrics.workers.restarts.inc({})
      events.tell('worker_ready', { userId, worker: id })
    },
    onExit({ workerId, userId, reason, code, signal, offence, lifetimeSeconds, cpuSeconds }) {
      worker.gone(userId)
      ledger.ran(userId, cpuSeconds)
      workerTime.ended(workerId, cpuSeconds)
      sessions.workerGone(workerId, sleepCause(reason))
      metrics.workers.exits.inc({ reason })
      if (FAULTS.includes(reason) && fallen.size < MOST_FALLEN) fallen.add(userId)
      metrics.workers.lifetime.observe({}, lifetimeSeconds)
      events.tell('worker_ended', { userId, worker: workerId, reason, status: code, signal })
      if (offence === undefined) return
      metrics.workers.offences.inc({})
      log.error({ worker: workerId, person: userHash(userId), offence }, 'A WORKER HAS FALLEN')
    },
    onSpawn: (path, result, seconds) =>
      metrics.workers.spawnSeconds.observe({ path, result }, seconds),
    onMessage: dispatchWorkerMessages({
      onSignIn: parts.onSignIn,
      broker,
      sends: createSendLedger({
        store,
        clock,
        verifyLease: (userId, transaction) => ownership.verify(userId, transaction)
      }),
      links,
      slots,
      confirmations: parts.confirmations,
      unsubscriber: parts.unsubscriber,
      quota,
      publicUrl: config.PUBLIC_URL,
      verifyLease: (userId) => ownership.verify(userId, store.db),
      sessions,
      exchanges,
      ledger,
      metrics,
      callLog: parts.callLog,
      onSent: parts.onSent,
      log,
      now: () => clock.monotonic()
    }),
    onQueued: (seconds) => metrics.workers.queueSeconds.observe({}, seconds),
    onStartFailure(userId, diagnosis) {
      events.tell('worker_failed', { userId }, 'warn')
      log.error({ diagnosis }, 'a worker did not start')
    }
  }
}

const ASKED: readonly WorkerEnd['reason'][] = [
  ...(['idle', 'evicted', 'age', 'admin', 'drain', 'upgrade'] as const)
]
/** Ends that are nobody's wish. */
const FAULTS: readonly WorkerEnd['reason'][] = ['crash', 'hung', 'oom', 'spawn_failed']
/** People who are remembered for having had such an end. */
const MOST_FALLEN = 10_000

function sleepCause(reason: WorkerEnd['reason']): HibernationCause {
  if (reason === 'lease_lost') return 'migration'
  return ASKED.includes(reason) ? 'hibernation' : 'crash'
}
