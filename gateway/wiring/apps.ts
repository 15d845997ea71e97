/** The three ports: for everybody, for other gateways, for operators. */

import { hostname } from 'node:os'
import type { FastifyInstance } from 'fastify'
import { systemClock } from '#shared/clock.ts'
import type { ErrorCode } from '#shared/errors.ts'
import type { Gauges } from '../admin/collect-gauges.ts'
import { createHoldings } from '../admin/holdings.ts'
import type { Readiness } from '../admin/readiness.ts'
import { buildOpsApp } from '../apps/ops-app.ts'
import { buildPeerApp, type PeerAppParts } from '../apps/peer-app.ts'
import { buildApp } from '../apps/public-app.ts'
import { type SignInParts, signIn } from '../apps/sign-in-plugin.ts'
import { operatorPolicy } from '../config/config.ts'
import { peerKeysOf } from '../config/peer-tls.ts'
import { forwardTo } from '../mcp/forward-to-successor.ts'
import type { McpParts } from '../mcp/mcp-routes.ts'
import { createConnectedClients } from '../oauth/connected-clients.ts'
import { resourceOf } from '../oauth/provider.ts'
import { nodeNameOf } from '../peers/other-nodes.ts'
import { accountSessions } from '../sessions/owned-sessions.ts'
import { forgetOldSends } from '../store/send-ledger.ts'
import { linkedHere } from '../tool-sign-in/linked-requests.ts'
import { metadataUrlOf, wayOutOf } from './addresses.ts'
import type { Core } from './core.ts'
import { letGoBy, linkedRequestsOf, loadOf } from './peers.ts'

/** What clients and browsers come to. */
export function publicApp(core: Core): Promise<FastifyInstance> {
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
    toolRequests: linkedRequestsOf(core),
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
      passOn: forwardTo({
        host: reachable(config.HOST),
        port: config.PORT,
        until: core.patience.signal
      })
    }
  })
}

/** What other gateways come to; undefined where PEER_URL is not set. */
export async function appForPeers(core: Core): Promise<FastifyInstance | undefined> {
  const { config, log, books, traces, serving } = core
  const { callLog } = books
  const keys = peerKeysOf(config)
  if (!keys) return undefined
  const letGo = letGoBy(serving)
  const shared = { keys, config, log, callLog, traces, letGo }
  const { app, renew } = await buildPeerApp({
    ...shared,
    mcp: mcpOf(core),
    files: serving,
    admin: adminOf(core),
    signIns: core.toolSignIn && linkedHere(core.toolSignIn.requests)
  })
  core.peers?.onRenew(renew)
  return app
}

/** What operators come to. */
export function operatorsApp(
  core: Core & { gauges: Gauges },
  readiness: Readiness
): Promise<FastifyInstance> {
  const { config, log, metrics } = core
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
    admin: { ...adminOf(core), audit: core.books.audit, otherNodes: core.otherNodes }
  })
}

/** What operators see and do of this gateway, whichever they ask. */
function adminOf(core: Core): PeerAppParts['admin'] {
  const { config, metrics, serving } = core
  return {
    ...serving,
    nodeName: nodeNameOf(config.PEER_URL) ?? hostname(),
    nodeLoad() {
      const { workers, limit } = loadOf(serving)
      return { workers, workerLimit: core.isTaking() ? limit : 0 }
    },
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
    clock: systemClock,
    config,
    configNow: core.configNow,
    events: core.events,
    reload: core.reload,
    metrics
  }
}

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
