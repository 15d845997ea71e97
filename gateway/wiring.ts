/** The only place that picks engines and joins the parts. Nothing happens here until it is called. */

import { randomBytes } from 'node:crypto'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { systemClock } from '#shared/clock.ts'
import { type ErrorCode, GatewayError } from '#shared/errors.ts'
import { isNobody, type UserId } from '#shared/ids.ts'
import { OPEN_POLICY } from '#shared/tool-policy.ts'
import { VERSION } from '#shared/version.ts'
import { AllowedPeople } from './accounts/allow-list.ts'
import { KeyWatch } from './accounts/key-watch.ts'
import { type OpenAccounts, openAccounts } from './accounts/open-accounts.ts'
import { addedCertificates } from './added-certificates.ts'
import { createHoldings } from './admin/holdings.ts'
import { loadOperators, Operators } from './admin/operators.ts'
import { buildApp } from './app.ts'
import { type Books, openBooks } from './bookkeeping.ts'
import { ClockWatch } from './clock-watch.ts'
import { type Config, operatorPolicy } from './config.ts'
import { GoogleReach } from './google-reach.ts'
import { Doorway } from './http/doorway.ts'
import type { McpParts } from './http/mcp-routes.ts'
import { passOnTo } from './http/pass-on.ts'
import { nodeWarning } from './node-floor.ts'
import { type BearerTokens, createBearerTokens } from './oauth/bearer.ts'
import { createConfirmations } from './oauth/confirmations.ts'
import { createConnectedClients } from './oauth/connected-clients.ts'
import { createDoubtfulAccess } from './oauth/doubtful-access.ts'
import { createGuardedFetch, type WayOut } from './oauth/guarded-fetch.ts'
import { createLiveness } from './oauth/liveness.ts'
import { type SignInParts, signIn } from './oauth/plugin.ts'
import { resourceOf } from './oauth/provider.ts'
import { rememberCallers } from './oauth/remembered-callers.ts'
import { createSealedCookies } from './oauth/sealed-cookies.ts'
import { buildOpsApp } from './ops-app.ts'
import { hostIdentity } from './ownership/host-identity.ts'
import { type Node, thisNode } from './ownership/node.ts'
import type { Ownership } from './ownership/ownership.ts'
import { SqlOwnership } from './ownership/sql-ownership.ts'
import { type PeerNotice, Succession } from './ownership/succession.ts'
import { createWhereabouts } from './ownership/whereabouts.ts'
import { buildPeerApp } from './peer-app.ts'
import { tagOf } from './peers/node-tag.ts'
import { type PeerSettings, peerKeysOf } from './peers/peer-keys.ts'
import { openPeers, type Peers } from './peers/peers.ts'
import { type People, type PeopleParts, peopleOf } from './people.ts'
import { Readiness } from './readiness.ts'
import { createReload, type Reload, type ReloadParts } from './reload.ts'
import { createServing, type Serving } from './serving.ts'
import { accountSessions } from './sessions/account-view.ts'
import { type Change, ChangeFeed } from './store/change-feed.ts'
import type { HolderRow } from './store/lease-rows.ts'
import { forgetOldSends } from './store/send-ledger.ts'
import { openStore, type Store } from './store/store.ts'
import type { StoreNews } from './store/store-health.ts'
import { isStoreError } from './store/store-trouble.ts'
import { dialTo } from './supervisor/dial.ts'
import type { Assignment } from './supervisor/life.ts'
import { WORKER_ENV } from './supervisor/node-flags.ts'
import { type OpenedLauncher, openLauncher } from './supervisor/open-launcher.ts'
import { placesFor } from './supervisor/places.ts'
import { startIfThere } from './supervisor/proc.ts'
import { parseUidRange } from './supervisor/uid-slots.ts'
import { takeLeave } from './take-leave.ts'
import { Events } from './telemetry/events.ts'
import { Gauges } from './telemetry/gauges.ts'
import type { Log } from './telemetry/log.ts'
import { createMetrics, type Metrics } from './telemetry/metrics.ts'
import { type Attributes, openTraces, type Traces } from './telemetry/traces.ts'
import { Warnings } from './telemetry/warnings.ts'
import { toldLeases } from './told-leases.ts'
import {
  createToolSignIn,
  type ToolSignIn,
  type ToolSignInParts
} from './tool-sign-in/tool-sign-in.ts'
import { createUnsubscriber } from './unsubscriber.ts'

export interface Gateway {
  readonly app: FastifyInstance
  readonly opsApp: FastifyInstance
  /** Where other gateways come in; undefined where none do. */
  readonly peerApp: FastifyInstance | undefined
  /** When it may listen. */
  readonly succession: Pick<Succession, 'turn' | 'serving'>
  /** Takes over changed allow lists, operators and log level; see `Reload`. */
  readonly reload: Reload
  /** Takes nothing new, answers what is in flight, ends every worker. May be called more than once. */
  close(): Promise<void>
}

interface Core {
  readonly config: Config
  readonly log: Log
  readonly metrics: Metrics
  readonly store: Store
  readonly books: Books
  readonly accounts: OpenAccounts
  readonly tokens: BearerTokens
  readonly serving: Serving
  readonly people: People
  /** Undefined where this gateway is the only one. */
  readonly peers: Peers | undefined
  /** With the calls that were passed on to another gateway. */
  readonly patience: AbortController
  readonly toolSignIn: ToolSignIn | undefined
  readonly isClockSettled: () => boolean
  readonly operators: Operators
  readonly reload: Reload
  /** With what reloads have changed. */
  readonly configNow: () => Config
  readonly events: Events
  readonly warnings: Warnings
  readonly traces: Traces | undefined
  readonly substitutes: Substitutes
}

const PROJECT = fileURLToPath(new URL('..', import.meta.url))
const WORKER_BUNDLE = join(PROJECT, 'dist/worker/main.mjs')
const LOST_GRANT =
  'ERR_VAULT: a stored Google grant cannot be opened although SECRETS_FILE is the right one: its row is damaged. Its person is asked to sign in again.'
const AWAY =
  'Google cannot be reached: connections to it, or refreshes of its tokens, fail for everybody. Look at the network, DNS and HTTPS_PROXY of this machine, and at https://status.cloud.google.com.'
const STORE_CHECK_MS = 5000
/** Servers of mailing lists do their work before they answer. */
const LIST_ANSWER_MS = 10_000
/** Where real mail is, nobody may look into the gateway. */
const GOOGLES_GMAIL = 'https://gmail.googleapis.com'

/** What a test may put in the place of the real thing. */
export type Substitutes = Pick<SignInParts, 'fetchClientMetadata'> & {
  /** Reads the settings again for a reload; those that it has, if absent. */
  readonly reread?: ReloadParts['reread']
  /** Reaches the servers of mailing lists in the place of the guarded fetch. */
  readonly fetchOfLists?: typeof globalThis.fetch
}

/** Builds the gateway; it does not listen yet. Throws ERR_CONFIG for what only shows when it is tried. */
export async function wire(
  config: Config,
  log: Log,
  substitutes: Substitutes = {}
): Promise<Gateway> {
  const metrics = createMetrics({ version: VERSION })
  tellOfNode(log, metrics)
  const google = watchGoogle(log, metrics)
  const { launcher, mostWorkers, isolation } = await launcherFor(config, log, metrics, google)
  const base = await openBase(config, log, metrics)
  const { store, isClockSettled, events, warnings, traces } = base
  const accounts = accountsOver(
    config,
    store,
    metrics,
    { events, google },
    {
      stop: (userId) => void serving.supervisor.stop(userId, 'blocked', 'drain'), // never rejects
      lost: () =>
        void keyWatch.look().then(() => {
          if (!keyWatch.trouble) warnings.say(LOST_GRANT) // never rejects
        })
    }
  )
  const keyWatch: KeyWatch = watchKeys(log, metrics, store, accounts)
  await keyWatch.start()
  const { ownership, succession, goesOn, node } = leasesFor(
    { config, log, store, events, metrics },
    {
      stop: (userId) => void serving.supervisor.stop(userId, 'lease_lost', 'now'), // never rejects
      peers: () => peers,
      load: () => ({ ...loadOf(serving), ...(!readiness.accepts && { limit: 0 }) })
    }
  )
  const { changes, tellOthers } = changesFor(store, node, log, () => admitted)
  const books = openBooks({ config, store, events, metrics })
  const tokens = tokensFor(config, store, accounts, { ...base, goesOn })
  const lists = createGuardedFetch(wayOutOf(config), { answerMs: LIST_ANSWER_MS })
  const serving: Serving = createServing({
    config: { ...config, WORKER_LIMIT: Math.min(config.WORKER_LIMIT, mostWorkers) },
    clock: systemClock,
    store,
    metrics,
    log,
    launcher,
    broker: accounts.broker,
    confirmations: confirmationsOf(config, store, accounts),
    unsubscriber: createUnsubscriber(substitutes.fetchOfLists ?? lists.fetch, systemClock),
    ownership,
    linkTag: config.PEER_URL === undefined ? undefined : tagOf(node.id),
    isLive: tokens.isLive,
    ...{ goesOn, doubtful: doubtfulOf(store), isClockSettled, events, ...books, tellOthers },
    assignment: (userId) => assignmentOf(userId, accounts, config),
    onSignIn: (worker, message) => void toolSignIn?.desk.answer(worker, message) // never rejects
  })
  const peers: Peers | undefined = peersFor(
    { ...base, config, log, metrics, serving, node },
    { ownership, isTaking: () => readiness.accepts }
  )
  const admitted = admission(config, log, keyWatch, {
    ...{ ...base, accounts, serving, substitutes, tellOthers, peers },
    ...{ tell: books.tell, forget: books.forget }
  })
  const { people } = admitted
  const toolSignIn: ToolSignIn | undefined = config.SIGN_IN_BY_TOOL
    ? toolSignInOf(store, { config, log, accounts, serving, people, note: books.note })
    : undefined
  const core = {
    ...{ config, log, books, metrics, store, accounts, tokens, serving, toolSignIn },
    patience: new AbortController(),
    peers,
    isClockSettled,
    ...admitted,
    events,
    ...{ warnings, traces, substitutes }
  }
  const readiness = new Readiness({
    ...{ store, isolation, clock: systemClock, supervisor: serving.supervisor },
    isDrained: () => !serving.door.isOpen(),
    warnings: () => [...(google.isAway ? [AWAY] : []), ...warnings.list()],
    keyTrouble: () => keyWatch.trouble
  })
  const app = await publicApp(core)
  const peerApp = await appForPeers(core)
  const gauges = new Gauges({
    ...serving,
    metrics,
    clock: systemClock,
    accepts: () => readiness.accepts
  })
  const opsApp = await operatorsApp({ ...core, gauges }, readiness)
  const apps = { app, opsApp, peerApp }
  const close = closeOf({
    ...{ ...core, ...apps, readiness, gauges, ownership, succession, keyWatch, changes },
    async closeBase() {
      await lists.close()
      await base.close()
    }
  })
  return { ...apps, succession, reload: admitted.reload, close: onlyOnce(close) }
}

function closeOf(
  parts: Pick<Core, 'config' | 'serving' | 'toolSignIn' | 'patience' | 'peers' | 'books'> &
    Pick<Gateway, 'app' | 'opsApp' | 'peerApp'> & {
      readonly readiness: Readiness
      readonly gauges: Gauges
      readonly ownership: Ownership
      readonly succession: Succession
      readonly keyWatch: KeyWatch
      readonly changes: ChangeFeed | undefined
      readonly closeBase: () => Promise<void>
    }
): () => Promise<void> {
  const { app, opsApp, peerApp, serving, succession, ownership } = parts
  const clock = systemClock
  const doorway = new Doorway(app.server, clock)
  const opsDoorway = new Doorway(opsApp.server, clock)
  const peerEntrance = peerApp && { app: peerApp, doorway: new Doorway(peerApp.server, clock) }
  const { way } = parts.peers ?? {}
  const leavePeers = way && ((ms: number) => way.leave(ms))
  const leaving = {
    ...{ clock, app, opsApp, doorway, opsDoorway, peerEntrance, serving, succession },
    leavePeers
  }
  return async () => {
    parts.readiness.stopping()
    parts.toolSignIn?.requests.close()
    const callMs = parts.config.DRAIN_TIMEOUT
    await takeLeave({ ...leaving, ownership, callMs, giveUp: () => parts.patience.abort() })
    parts.gauges.close()
    await parts.peers?.close()
    await parts.changes?.close()
    await parts.books.close()
    await parts.keyWatch.close()
    await parts.closeBase()
  }
}

function onlyOnce(close: () => Promise<void>): () => Promise<void> {
  let closed: Promise<void> | undefined
  return () => {
    closed ??= close()
    return closed
  }
}

const accountsOver = (
  settings: Config,
  store: Store,
  metrics: Metrics,
  { events, google: reach }: { readonly events: Events; readonly google: GoogleReach },
  on: { stop(userId: UserId): void; lost(): void }
): OpenAccounts =>
  openAccounts({
    store,
    clock: systemClock,
    settings,
    onNeedsReauth(userId) {
      metrics.gmail.reauthRequired.inc({})
      events.tell('reauth_required', { userId }, 'warn')
      on.stop(userId)
    },
    onRefresh(result) {
      metrics.gmail.refreshes.inc({ result })
      if (result === 'vault') on.lost()
      else if (result === 'upstream') reach.failed()
      else reach.answered()
    }
  })

function tellOfNode(log: Log, metrics: Metrics): void {
  const outdated = nodeWarning(process.versions.node)
  if (outdated !== undefined) log.warn(outdated)
  metrics.nodeOutdated.set({}, outdated === undefined ? 0 : 1)
}

const confirmationsOf = (
  { PUBLIC_URL: publicUrl }: Config,
  store: Store,
  { keyring }: OpenAccounts
) => {
  const clock = systemClock
  const cookies = createSealedCookies({ keyring, clock, secure: publicUrl.startsWith('https:') })
  return createConfirmations({ store, cookies, clock, publicUrl })
}

/** Asked together where asking is a round to another machine. */
const doubtfulOf = (store: Store) =>
  store.terms.engine === 'postgres'
    ? createDoubtfulAccess({ store, clock: systemClock })
    : undefined

const tokensFor = (
  { PUBLIC_URL }: Config,
  store: Store,
  { personalTokens }: OpenAccounts,
  { allowedPeople, goesOn }: { allowedPeople: AllowedPeople; goesOn(userId: UserId): boolean }
): BearerTokens => {
  const tokens = createBearerTokens({
    store,
    personalTokens,
    allowsAccount: (account) => allowedPeople.allowsAccount(account),
    clock: systemClock,
    resource: `${PUBLIC_URL}/mcp`
  })
  return rememberCallers({ tokens, clock: systemClock, goesOn })
}

/** What everything else stands on. */
async function openBase(config: Config, log: Log, metrics: Metrics) {
  const store = await openStore(config.DATABASE_URL, storeNews(log, metrics), {
    poolSize: config.DATABASE_POOL
  })
  const traces = await openTraces({
    ...{ settings: config.traces, clock: systemClock, log, metrics },
    ofKind: { server: ownAttributes(config), client: addressOf(config.GMAIL_API_URL) }
  })
  const clockWatch = watchClock(log, metrics)
  const storeWatch = watchStore(store)
  return {
    ...{ store, traces },
    isClockSettled: () => clockWatch.isSettled(),
    events: new Events(log, systemClock),
    warnings: new Warnings(log),
    allowedPeople: new AllowedPeople({
      emails: config.ALLOWED_EMAILS,
      domains: config.ALLOWED_DOMAINS
    }),
    async close() {
      clockWatch.close()
      storeWatch.close()
      await store.close()
      await traces?.close()
    }
  }
}

/** Who may use this gateway, and who may operate it: what a reload changes. */
function admission(
  config: Config,
  log: Log,
  keyWatch: KeyWatch,
  parts: Pick<Core, 'accounts' | 'serving' | 'substitutes'> & {
    readonly allowedPeople: AllowedPeople
    readonly tellOthers: PeopleParts['tellOthers']
    readonly peers: Peers | undefined
  } & Pick<Books, 'tell' | 'forget'>
) {
  const { allowedPeople } = parts
  tellWhoMaySignIn(log, allowedPeople)
  const people = peopleOf({ ...parts, log })
  const operators = new Operators(loadOperators(config))
  const reread = parts.substitutes.reread ?? (() => config)
  let configNow = config
  const took: ReloadParts['took'] = (settings) => {
    configNow = { ...configNow, ...settings }
  }
  const lookAtKeys = () => keyWatch.look()
  const tellOthers = (): void => {
    parts
      .tellOthers?.({ kind: 'reload', subject: '' })
      .catch((err: unknown) => log.error({ err }, 'the other gateways were not told to reload'))
  }
  const shared = { allowedPeople, operators, people, log, tellOthers }
  const renewPeers = (settings: PeerSettings): void => {
    const keys = peerKeysOf(settings)
    if (keys) parts.peers?.renew(keys)
  }
  const reload = createReload({ ...shared, reread, lookAtKeys, took, renewPeers })
  return { people, operators, reload, configNow: () => configNow }
}

async function assignmentOf(
  userId: UserId,
  { accounts, grants, choices }: OpenAccounts,
  config: Config
): Promise<Assignment> {
  const operator = operatorPolicy(config)
  if (isNobody(userId)) {
    const policy = { ...OPEN_POLICY, operator }
    return { email: '', googleScopes: [], policy, signIn: 'only' }
  }
  const account = await accounts.find(userId)
  if (!account) throw new GatewayError('ERR_NEEDS_REAUTH', 'This account is not connected.')
  const googleScopes = await grants.scopes(userId)
  const policy = { operator, person: await choices.policyOf(userId) }
  const signIn = config.SIGN_IN_BY_TOOL ? 'offered' : undefined
  return { email: account.email, googleScopes, policy, signIn }
}

const storeNews = (log: Log, metrics: Metrics): StoreNews => ({
  trouble({ kind, code, sentence }, failed) {
    metrics.store.trouble.set({ kind }, 1)
    // Not `code`, which the log takes for that of a sign-in.
    log.error({ store: kind, resultCode: code, failed }, sentence)
  },
  recovered({ kind }, seconds) {
    metrics.store.trouble.set({ kind }, 0)
    log.warn({ store: kind, seconds }, 'the database works again')
  },
  failed: ({ kind }) => metrics.store.errors.inc({ kind }),
  waited: (seconds) => metrics.store.waitSeconds.observe({}, seconds)
})

const watchGoogle = (log: Log, metrics: Metrics): GoogleReach =>
  new GoogleReach({
    clock: systemClock,
    onAway(failed) {
      metrics.gmail.away.set({}, 1)
      log.error({ failed }, AWAY)
    },
    onBack(seconds) {
      metrics.gmail.away.set({}, 0)
      log.warn({ seconds }, 'Google answers again')
    },
    onLapse() {
      metrics.gmail.away.set({}, 0)
      log.info('nobody has tried to reach Google for ten minutes: whether it can be is not known')
    }
  })

const watchKeys = (
  log: Log,
  metrics: Metrics,
  store: Store,
  { keyFile, grants }: OpenAccounts
): KeyWatch =>
  new KeyWatch({
    store,
    keyFile,
    grants,
    clock: systemClock,
    onTrouble({ kind, sentence }) {
      metrics.keyFileTrouble.set({ kind }, 1)
      log.error({ keys: kind }, sentence)
    },
    onOver({ kind }) {
      metrics.keyFileTrouble.set({ kind }, 0)
      log.warn({ keys: kind }, 'the file of keys is right again')
    },
    onRotated: (resealed) => log.warn({ resealed }, 'a new key of SECRETS_FILE seals from now on'),
    failed(err) {
      if (!isStoreError(err)) log.error({ err }, 'keys not checked')
    }
  })

/** Looks at the store now and then, so that its trouble is told before anybody meets it. */
function watchStore(store: Store): { close(): void } {
  let disarm = (): void => {}
  let isClosed = false
  const arm = (): void => {
    if (isClosed) return
    disarm = systemClock.after(STORE_CHECK_MS, () => void store.check().then(arm)) // never rejects
  }
  arm()
  return {
    close() {
      isClosed = true
      disarm()
    }
  }
}

/** What spans say of an address. */
const addressOf = (origin: string): Attributes => {
  const { hostname, port, protocol } = new URL(origin)
  const standard = protocol === 'https:' ? 443 : 80
  return { 'server.address': hostname, 'server.port': Number(port) || standard }
}

const ownAttributes = ({ PUBLIC_URL }: Config): Attributes => ({
  ...addressOf(PUBLIC_URL),
  'url.scheme': new URL(PUBLIC_URL).protocol.slice(0, -1)
})

/** Everybody, when nobody was named: that is worth a line that stands out. */
function tellWhoMaySignIn(log: Log, allowedPeople: AllowedPeople): void {
  const { emails, domains } = allowedPeople.count()
  if (emails + domains === 0)
    log.warn(
      'everybody whom the Google project lets in may sign in; ALLOWED_EMAILS or ALLOWED_DOMAINS would name them'
    )
  else log.info({ emails, domains }, 'who may sign in: those whom the allow lists name')
}

const watchClock = (log: Log, metrics: Metrics): ClockWatch =>
  new ClockWatch({
    clock: systemClock,
    onStep(seconds) {
      metrics.clockSteps.inc({ direction: seconds > 0 ? 'forward' : 'back' })
      log.warn({ seconds }, 'the wall clock stepped; see to it that only one program sets it')
    }
  })

function toolSignInOf(
  store: Store,
  parts: Omit<ToolSignInParts, 'clients' | 'clock' | 'isLive'>
): ToolSignIn {
  const clock = systemClock
  const resource = `${parts.config.PUBLIC_URL}/mcp`
  const clients = createConnectedClients({ store, clock, resource })
  const isLive = createLiveness({ ...parts.accounts, store, clock })
  return createToolSignIn({ ...parts, clock, clients, isLive })
}

function leasesFor(
  {
    config,
    log,
    store,
    events,
    metrics
  }: Pick<Core, 'config' | 'log' | 'store' | 'events' | 'metrics'>,
  late: {
    stop(userId: UserId): void
    peers(): Peers | undefined
    load: PeerNotice['load']
  }
) {
  const node = thisNode({
    host: hostIdentity(),
    pid: process.pid,
    startOf: startIfThere,
    randomHex: (bytes) => randomBytes(bytes).toString('hex')
  })
  const failed = (err: unknown): void => {
    if (!isStoreError(err)) log.error({ err }, 'lease not written') // the store has told its trouble itself
  }
  const parts = { store, clock: systemClock, node, failed }
  const onLost = (userId: UserId): void => {
    ownership.lost(userId)
    late.stop(userId)
  }
  const isReached = ({ node: holder, peer_url }: HolderRow): boolean =>
    peer_url !== null && (late.peers()?.routes.isReached(holder) ?? false)
  const peer = config.PEER_URL === undefined ? undefined : { url: config.PEER_URL, load: late.load }
  const ownership = toldLeases(new SqlOwnership({ ...parts, onLost, isReached }), {
    events,
    metrics
  })
  return {
    ownership,
    node,
    // Where other machines may take people over, a lease that lasts is a proof that none has yet; who was led to another
    // gateway meets that gateway's own lease.
    goesOn: (userId: UserId) =>
      store.terms.leaseMarginMs > 0 &&
      (ownership.leftMs(userId) > 0 || (late.peers()?.routes.knows(userId) ?? false)),
    succession: new Succession({ ...parts, peer, port: config.PORT, opsPort: config.OPS_PORT })
  }
}

/** Workers that have a place, and how many have one at most. */
function loadOf({ supervisor }: Serving): { workers: number; limit: number } {
  const { workers, limit } = supervisor.census()
  return { workers: workers.starting + workers.ready + workers.draining, limit }
}

function peersFor(
  parts: Pick<Core, 'config' | 'log' | 'metrics' | 'store' | 'serving'> & {
    readonly node: Pick<Node, 'id'>
  },
  { ownership, isTaking }: { readonly ownership: Ownership; readonly isTaking: () => boolean }
): Peers | undefined {
  const { config, log, metrics, store, serving, node } = parts
  const keys = peerKeysOf(config)
  if (!keys) return undefined
  const clock = systemClock
  return openPeers({
    keys,
    clock,
    whereabouts: createWhereabouts({ store, clock, node }),
    held: serving.held,
    maxBody: config.MAX_BODY,
    isHere: (userId) => serving.supervisor.expects(userId) || ownership.leftMs(userId) > 0,
    parked: () => serving.streams.users(),
    handOver: (userId) => serving.streams.handOver(userId),
    isTaking,
    hasRoom() {
      const { workers, limit } = loadOf(serving)
      return isTaking() && workers < limit
    },
    letGo: letGoBy(serving),
    callMs: config.CALL_TIMEOUT,
    unreached: (count) => metrics.peers.unreached.set({}, count),
    passed: (result) => metrics.peers.requests.inc({ result }),
    onReach(peer, isReached) {
      if (isReached) log.warn({ peer }, 'another gateway is reached again')
      else
        log.error({ peer }, 'another gateway is not reached: look at its PEER_URL and certificates')
    },
    failed(err) {
      if (!isStoreError(err)) log.error({ err }, 'another gateway was not looked for')
    }
  })
}

async function appForPeers(core: Core): Promise<FastifyInstance | undefined> {
  const { config, log, books, traces, serving } = core
  const { callLog } = books
  const keys = peerKeysOf(config)
  if (!keys) return undefined
  const letGo = letGoBy(serving)
  const shared = { keys, config, log, callLog, traces, letGo }
  const { app, renew } = await buildPeerApp({ ...shared, mcp: mcpOf(core), files: serving })
  core.peers?.onRenew(renew)
  return app
}

const letGoBy =
  ({ supervisor }: Serving) =>
  (userId: UserId): Promise<void> =>
    supervisor.stop(userId, 'drain', 'drain')

/** Where several machines may share the database, they hear of each other's changes. */
function changesFor(
  store: Store,
  { id: node }: Pick<Node, 'id'>,
  log: Log,
  followers: () => { readonly people: People; readonly reload: Reload }
): { changes: ChangeFeed | undefined; tellOthers: PeopleParts['tellOthers'] } {
  if (store.terms.leaseMarginMs === 0) return { changes: undefined, tellOthers: undefined }
  const follow = async (change: Change): Promise<void> => {
    const { people, reload } = followers()
    if (change.kind === 'reload') await reload({ isTold: true })
    else await people.heard(change)
  }
  const changes = new ChangeFeed({
    ...{ store, clock: systemClock, node },
    heard: (change) =>
      void follow(change).catch((err: unknown) => log.error({ err }, 'a change was not followed')),
    failed(err) {
      if (!isStoreError(err)) log.error({ err }, 'not heard of changes')
    }
  })
  return { changes, tellOthers: (change) => changes.tell(change) }
}

/** What a worker must not reach, as far as it lies in files. */
function assetsOf(config: Config) {
  const [, database] = /^sqlite:(.*)$/.exec(config.DATABASE_URL) ?? []
  const { directory } = placesFor(config.RUN_DIR)
  return {
    keys: config.secretFiles.map((path) => resolve(path)),
    databases:
      database === undefined
        ? []
        : [resolve(database), `${resolve(database)}-wal`, `${resolve(database)}-shm`],
    directories: [...(database === undefined ? [] : [dirname(resolve(database))]), directory],
    doors: [
      { host: doorOf(config.HOST), port: config.PORT },
      { host: doorOf(config.OPS_HOST), port: config.OPS_PORT },
      ...(config.PEER_URL === undefined
        ? []
        : [{ host: doorOf(config.PEER_HOST), port: config.PEER_PORT }])
    ]
  }
}

/** Where somebody on this machine comes to what listens on this address. */
const doorOf = (host: string): string => host.replace(/^(0\.0\.0\.0|::)$/, 'localhost')

/** How workers would be kept apart, and whether one starts: `ok`, or why not. */
export interface WallsTrial {
  readonly isolation: OpenedLauncher['isolation']
  readonly worker: string
}

/**
 * Prepares this machine for workers as a start does, starts one that nobody uses, and leaves nothing running. Rejects
 * with ERR_CONFIG where workers cannot run, or not apart.
 */
export async function tryWalls(config: Config, log: Log): Promise<WallsTrial> {
  const metrics = createMetrics({ version: VERSION })
  const reach = watchGoogle(log, metrics)
  const { launcher, isolation } = await launcherFor(config, log, metrics, reach)
  const launched = launcher.launch()
  const cancel = systemClock.after(config.WORKER_START_TIMEOUT, () => launched.kill('SIGKILL'))
  const worker = await launched.ready.then(
    () => 'ok',
    () => launched.diagnose().trim().split('\n').at(-1) || 'it does not answer.'
  )
  cancel()
  launched.kill('SIGKILL')
  await launched.gone
  await launcher.close()
  return { isolation, worker }
}

async function launcherFor(
  config: Config,
  log: Log,
  metrics: Metrics,
  reach: GoogleReach
): Promise<OpenedLauncher> {
  const opened = await openLauncher({
    clock: systemClock,
    randomHex: (bytes) => randomBytes(bytes).toString('hex'),
    ...placesFor(config.RUN_DIR),
    program:
      config.WORKER_ENTRY === undefined
        ? { entry: WORKER_BUNDLE, readable: [dirname(WORKER_BUNDLE)], isWhole: true }
        : // Another program may use the packages of this one.
          { entry: config.WORKER_ENTRY, readable: [PROJECT], isWhole: false },
    uids: config.WORKER_UIDS === undefined ? undefined : parseUidRange(config.WORKER_UIDS),
    memoryBytes: config.WORKER_MEMORY,
    mustHold: config.GMAIL_API_URL === GOOGLES_GMAIL,
    wanted: config.ISOLATION,
    assets: assetsOf(config),
    // It cannot see what the system's time zone is.
    env: { ...WORKER_ENV, TZ: Intl.DateTimeFormat().resolvedOptions().timeZone },
    dial: dialTo({
      origin: config.GMAIL_API_URL,
      proxy: config.HTTPS_PROXY,
      direct: config.NO_PROXY
    }),
    onDial(result) {
      metrics.gmail.connections.inc({ result })
      if (result === 'failed') reach.failed()
      else reach.answered()
    },
    init: {
      gmailOrigin: config.GMAIL_API_URL,
      certificates: addedCertificates(),
      resourceMetadataUrl: metadataUrlOf(config),
      unitsPerMinute: config.GMAIL_UNITS,
      accountUrl: `${config.PUBLIC_URL}/account`,
      listsHigher: config.LIST_HIGHER_TOOLS
    },
    // What a worker prints could quote mail: only that it printed is told.
    onLine: (worker, stream, line) => log.debug({ worker, stream, chars: line.length }, 'output')
  })
  metrics.workers.reaped.inc({}, opened.reaped)
  if (opened.reaped > 0) log.warn({ count: opened.reaped }, 'leftover workers ended')
  metrics.node.isolation.set({ mode: opened.isolation.mode }, 1)
  metrics.node.isolationMissing.set({}, opened.isolation.missing.length)
  if (opened.isolation.mode === 'none')
    log.warn(
      opened.isolation,
      'NOTHING KEEPS WORKERS APART: one that has fallen reaches everybody’s mail'
    )
  else log.info(opened.isolation, 'workers are kept apart')
  return opened
}

/** How strangers' addresses are reached. */
const wayOutOf = ({ HTTPS_PROXY: proxy, NO_PROXY: direct }: Config): WayOut => ({ proxy, direct })

function publicApp(core: Core): Promise<FastifyInstance> {
  const { config, log, metrics, store, accounts, serving } = core
  const parts: SignInParts = {
    ...accounts,
    ...core.substitutes,
    publicUrl: config.PUBLIC_URL,
    service: { name: config.SERVICE_NAME, contact: config.OPERATOR_CONTACT },
    defaultLevel: config.DEFAULT_LEVEL,
    registersClients: config.DYNAMIC_REGISTRATION,
    clientDocuments: config.CLIENT_DOCUMENTS,
    wayOut: wayOutOf(config),
    refreshGraceMs: config.REFRESH_GRACE,
    store,
    clock: systemClock,
    isClockSettled: core.isClockSettled,
    ...core.people,
    operatorPolicy: operatorPolicy(config),
    sessions: accountSessions(serving.sessions),
    toolRequests: core.toolSignIn?.requests,
    note: core.books.note,
    audit: core.books.audit,
    sends: { sweep: () => forgetOldSends(core.store, systemClock) }
  }
  return buildApp({
    clock: systemClock,
    warnings: core.warnings,
    config,
    log,
    callLog: core.books.callLog,
    traces: core.traces,
    metrics,
    tokens: core.tokens,
    signIn: (scope) => signIn(scope, parts),
    strangers: core.toolSignIn?.strangers,
    files: { ...serving, leadLink: core.peers?.leadLink },
    mcp: {
      ...mcpOf(core),
      peers: core.peers?.way,
      passOn: passOnTo({
        host: reachable(config.HOST),
        port: config.PORT,
        until: core.patience.signal
      })
    }
  })
}

/** Where clients learn how to sign in here (RFC 9728, section 3.1). */
const metadataUrlOf = ({ PUBLIC_URL }: Config): string =>
  `${PUBLIC_URL}/.well-known/oauth-protected-resource/mcp`

/** How `/mcp` is served, wherever a request came in. */
const mcpOf = ({ config, metrics, serving }: Core): Omit<McpParts, 'peers' | 'passOn'> => ({
  ...serving,
  clock: systemClock,
  maxBody: config.MAX_BODY,
  resourceMetadataUrl: metadataUrlOf(config),
  callTimeoutMs: config.CALL_TIMEOUT,
  measure: {
    bytes(direction, bytes, userId) {
      metrics.http.bytes.inc({ direction }, bytes)
      serving.ledger.passed(userId, direction, bytes)
    },
    calls: (count, userId) => serving.ledger.called(userId, count),
    idCollision: () => metrics.http.idCollisions.inc({}),
    overhead: (seconds) => metrics.http.overhead.observe({}, seconds),
    rejected: ({ code, limit }) =>
      metrics.http.rejected.inc({ reason: limit ?? REJECTED[code] ?? 'other' })
  }
})

function operatorsApp(
  core: Core & { gauges: Gauges },
  readiness: Readiness
): Promise<FastifyInstance> {
  const { config, log, metrics, serving } = core
  return buildOpsApp({
    operators: core.operators,
    onRefused: core.books.operatorRefused,
    hosts: [config.OPS_HOST, ...config.OPS_HOSTS].map((host) => host.toLowerCase()),
    clock: systemClock,
    log,
    readiness,
    scrape: async () => {
      await core.gauges.read()
      return metrics.scrape()
    },
    admin: {
      ...serving,
      accounts: core.accounts.accounts,
      personalTokens: core.accounts.personalTokens,
      clients: createConnectedClients({
        store: core.store,
        clock: systemClock,
        resource: resourceOf(config.PUBLIC_URL)
      }),
      accountSessions: accountSessions(serving.sessions, 'admin'),
      holdings: createHoldings(core.store, systemClock),
      people: core.people,
      audit: core.books.audit,
      clock: systemClock,
      config,
      configNow: core.configNow,
      events: core.events,
      reload: core.reload,
      metrics
    }
  })
}

/** An address that stands for all of this machine's is listened on, but not connected to. */
const reachable = (host: string): string =>
  new Map([
    ['0.0.0.0', '127.0.0.1'],
    ['::', '::1']
  ]).get(host) ?? host

const REJECTED: Partial<Record<ErrorCode, string>> = {
  ERR_ACCOUNT_BLOCKED: 'blocked',
  ERR_BODY_TOO_LARGE: 'body_too_large',
  ERR_DRAINING: 'draining',
  ERR_NOT_ALLOWED: 'not_allowed',
  ERR_QUEUE_FULL: 'queue_full',
  ERR_TOO_MANY_ATTEMPTS: 'attempts',
  ERR_TOO_MANY_CALLS: 'rate',
  ERR_TOO_MANY_STREAMS: 'streams',
  ERR_WORKER_BROKEN: 'broken',
  ERR_WORKER_CAPACITY: 'capacity'
}
