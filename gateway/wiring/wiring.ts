/** The only place that picks engines and joins the parts. Nothing happens here until it is called. */

import type { FastifyInstance } from 'fastify'
import { systemClock } from '#shared/clock.ts'
import { VERSION } from '#shared/version.ts'
import type { KeyWatch } from '../accounts/key-watch.ts'
import { Gauges } from '../admin/collect-gauges.ts'
import { Readiness } from '../admin/readiness.ts'
import type { Reload } from '../admin/reload.ts'
import type { Config } from '../config/config.ts'
import { createDataPlane, type DataPlane } from '../mcp/data-plane.ts'
import { createUnsubscriber } from '../mcp/unsubscriber.ts'
import { createSsrfSafeFetch } from '../oauth/ssrf-safe-fetch.ts'
import type { PortHandover } from '../ownership/port-handover.ts'
import { instanceTag } from '../peers/instance-tag.ts'
import type { Peers } from '../peers/peers.ts'
import type { Log } from '../telemetry/log.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import type { ToolSignIn } from '../tool-sign-in/tool-sign-in.ts'
import { wayOutOf } from './addresses.ts'
import { admission } from './admission.ts'
import { appForPeers, operatorsApp, publicApp } from './apps.ts'
import { openBase } from './base.ts'
import { openBooks } from './bookkeeping.ts'
import { closeOf, onlyOnce } from './closing.ts'
import type { Substitutes } from './core.ts'
import {
  accountsOver,
  assignmentOf,
  confirmationsOf,
  doubtfulOf,
  tokensFor,
  toolSignInOf
} from './identities.ts'
import { changesFor, leasesFor } from './leases.ts'
import { linkTagOf, loadOf, otherNodesFor, peersFor } from './peers.ts'
import { openWorkers } from './walls.ts'
import { AWAY, tellOfNode, watchGoogle, watchKeys } from './watches.ts'

export interface Gateway {
  readonly app: FastifyInstance
  readonly opsApp: FastifyInstance
  /** Where other gateways come in; undefined where none do. */
  readonly peerApp: FastifyInstance | undefined
  /** When it may listen. */
  readonly succession: Pick<PortHandover, 'turn' | 'serving'>
  /** Takes over changed allow lists, operators and log level; see `Reload`. */
  readonly reload: Reload
  /** Takes nothing new, answers what is in flight, ends every worker. May be called more than once. */
  close(): Promise<void>
}

const LOST_GRANT =
  'ERR_VAULT: a stored Google grant cannot be opened although SECRETS_FILE is the right one: its row is damaged. Its person is asked to sign in again.'
/** Servers of mailing lists do their work before they answer. */
const LIST_ANSWER_MS = 10_000

/** Builds the gateway; it does not listen yet. Throws ERR_CONFIG for what only shows when it is tried. */
export async function wire(
  config: Config,
  log: Log,
  substitutes: Substitutes = {}
): Promise<Gateway> {
  const metrics = createMetrics({ version: VERSION })
  tellOfNode(log, metrics)
  const google = watchGoogle(log, metrics)
  const { launcher, mostWorkers, isolation } = await openWorkers(config, log, metrics, google)
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
  const lists = createSsrfSafeFetch(wayOutOf(config), { answerMs: LIST_ANSWER_MS })
  const serving: DataPlane = createDataPlane({
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
    nodeTag: instanceTag(node.id),
    linkTag: linkTagOf(config, node),
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
  const toolSignIn: ToolSignIn | undefined = toolSignInOf(store, {
    ...{ config, log, accounts, serving, people: admitted.people, note: books.note },
    tag: linkTagOf(config, node)
  })
  const core = {
    ...{ config, log, books, metrics, store, accounts, tokens, serving, toolSignIn, peers },
    patience: new AbortController(),
    otherNodes: otherNodesFor({ store, node, peers }),
    isTaking: () => readiness.accepts,
    ...admitted,
    ...{ isClockSettled, events, warnings, traces, substitutes }
  }
  const readiness: Readiness = new Readiness({
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
