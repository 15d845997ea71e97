import { systemClock } from '#shared/clock.ts'
import { AllowedPeople } from '../accounts/allow-list.ts'
import type { Config } from '../config/config.ts'
import { openStore } from '../store/store.ts'
import { Events } from '../telemetry/events.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { type Attributes, openTraces } from '../telemetry/traces.ts'
import { Warnings } from '../telemetry/warnings.ts'
import { storeNews, watchClock, watchStore } from './watches.ts'

/** What everything else stands on: store, traces, clock, events. Throws ERR_CONFIG or ERR_UNAVAILABLE. */
export async function openBase(config: Config, log: Log, metrics: Metrics) {
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
