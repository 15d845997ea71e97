import type { SessionRegistry } from '../sessions/registry.ts'
import type { Supervisor } from '../supervisor/supervisor.ts'
import type { Metrics } from './metrics.ts'

/** Sets the gauges to what is true now; called for each scrape, so that no gauge is counted by hand. */
export async function readGauges(
  metrics: Metrics,
  supervisor: Supervisor,
  sessions: SessionRegistry
): Promise<void> {
  const { workers, limit, queued } = supervisor.census()
  for (const [state, count] of Object.entries(workers))
    metrics.workers.byPhase.set({ state }, count)
  metrics.workers.limit.set({}, limit)
  metrics.workers.queueDepth.set({}, queued)
  const resident = supervisor.list().map(({ rssBytes }) => rssBytes ?? 0)
  metrics.workers.resident.set(
    { stat: 'sum' },
    resident.reduce((sum, bytes) => sum + bytes, 0)
  )
  metrics.workers.resident.set({ stat: 'max' }, Math.max(0, ...resident))
  const live = sessions.countLive()
  metrics.sessions.byState.set({ era: 'legacy', state: 'live' }, live)
  metrics.sessions.byState.set(
    { era: 'legacy', state: 'hibernated' },
    Math.max(0, (await sessions.count()) - live)
  )
}
