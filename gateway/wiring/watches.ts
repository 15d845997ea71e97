/** Whatever goes wrong by itself, and how it is told: one line when it begins, one when it is over, and a metric. */

import { systemClock } from '#shared/clock.ts'
import { KeyWatch } from '../accounts/key-watch.ts'
import type { OpenAccounts } from '../accounts/open-accounts.ts'
import { nodeWarning } from '../config/supported-node.ts'
import { ClockWatch } from '../health/clock-watch.ts'
import { GoogleReachability } from '../health/google-reachability.ts'
import type { Store } from '../store/store.ts'
import type { StoreNews } from '../store/store-health.ts'
import { isStoreError } from '../store/store-trouble.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'

/** What the log and `/ready` say while Google is away. */
export const AWAY =
  'Google cannot be reached: connections to it, or refreshes of its tokens, fail for everybody. Look at the network, DNS and HTTPS_PROXY of this machine, and at https://status.cloud.google.com.'
const STORE_CHECK_MS = 5000

/** Says when this Node is older than the least that is safe. */
export function tellOfNode(log: Log, metrics: Metrics): void {
  const outdated = nodeWarning(process.versions.node)
  if (outdated !== undefined) log.warn(outdated)
  metrics.nodeOutdated.set({}, outdated === undefined ? 0 : 1)
}

/** Tells when the wall clock steps. */
export const watchClock = (log: Log, metrics: Metrics): ClockWatch =>
  new ClockWatch({
    clock: systemClock,
    onStep(seconds) {
      metrics.clockSteps.inc({ direction: seconds > 0 ? 'forward' : 'back' })
      log.warn({ seconds }, 'the wall clock stepped; see to it that only one program sets it')
    }
  })

/** Tells of the trouble that the store is in, and when it is over. */
export const storeNews = (log: Log, metrics: Metrics): StoreNews => ({
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

/** Looks at the store now and then, so that its trouble is told before anybody meets it. */
export function watchStore(store: Store): { close(): void } {
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

/** Tells when nobody gets an answer from Google. */
export const watchGoogle = (log: Log, metrics: Metrics): GoogleReachability =>
  new GoogleReachability({
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

/** Tells when the file of keys does not fit what is stored. */
export const watchKeys = (
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
