/** What is written down of what happens: lines in the log, entries of the audit. */
import { systemClock } from '#shared/clock.ts'
import type { UserId } from '#shared/ids.ts'
import { TOOL_NAMES } from '#shared/tool-names.ts'
import type { NoteChange, TellAccountEvent } from '../accounts/account-change.ts'
import { type Audit, createAudit } from '../admin/audit.ts'
import { AuditQueue } from '../admin/audit-queue.ts'
import type { Config } from '../config/config.ts'
import type { OnSent } from '../mcp/worker-messages.ts'
import type { Store } from '../store/store.ts'
import { CallLog } from '../telemetry/call-log.ts'
import type { Events } from '../telemetry/events.ts'
import { LogRateLimit } from '../telemetry/log-rate-limit.ts'
import type { Metrics } from '../telemetry/metrics.ts'

export interface Books {
  readonly audit: Audit
  readonly callLog: CallLog
  /** Writes down what people change of their accounts, before they do. */
  readonly note: NoteChange
  /** Writes down who signed in, and who was not let in; holds nobody up. */
  readonly tell: TellAccountEvent
  /** Writes down that mail was sent; holds nobody up. */
  readonly onSent: OnSent
  /** Nobody gets in with such a token. */
  readonly operatorRefused: (requestId: string) => void
  /** What is not yet written names this person no more, from when this resolves. Before their account is erased. */
  readonly forget: (userId: UserId) => Promise<void>
  /** Writes what is not yet written. May be called more than once. */
  close(): Promise<void>
}

export interface BooksParts {
  readonly config: Pick<Config, 'AUDIT_TTL' | 'AUDIT_ROWS'>
  readonly store: Store
  readonly events: Events
  readonly metrics: Metrics
}

/** More than anybody's mail program sends; a worker that says more is not believed. */
const SENDS_TOLD = { most: 120, windowMs: 60_000 }

export function openBooks({ config, store, events, metrics }: BooksParts): Books {
  const clock = systemClock
  const keep = { keepMs: config.AUDIT_TTL, keepRows: config.AUDIT_ROWS }
  const audit = createAudit({ store, clock, ...keep })
  const queue = new AuditQueue({ audit, clock, onLost: () => metrics.auditLost.inc({}) })
  const sends = new LogRateLimit(() => clock.monotonic(), SENDS_TOLD)
  return {
    audit,
    callLog: new CallLog({ events, metrics, now: () => clock.monotonic() }),
    async note({ userId, ...change }) {
      await audit.note({ ...change, actor: `user:${userId}`, reason: undefined })
      events.tell('account', { userId, ...change })
    },
    tell({ userId, action, target, level, requestId }) {
      events.tell('account', { userId, action, target, level, requestId })
      const actor = userId === undefined ? 'unknown' : (`user:${userId}` as const)
      queue.record({ actor, action, target, reason: level, requestId })
    },
    onSent(userId, { tool, recipients, person, requestId }) {
      if (sends.pass(userId, 'send') === undefined) {
        metrics.auditLost.inc({})
        return
      }
      const reason = (TOOL_NAMES as readonly string[]).find((name) => name === tool)
      const target = `recipients=${recipients}`
      queue.record({ actor: `user:${userId}`, action: 'send', target, reason, requestId })
      if (person === undefined) return
      const actor = `user:${person}` as const
      queue.record({ actor, action: 'send_from', target: userId, reason, requestId })
    },
    operatorRefused(requestId) {
      events.tell('operator_refused', { requestId }, 'warn')
      const entry = { actor: 'unknown', action: 'operator_refused', target: 'node' } as const
      queue.record({ ...entry, reason: undefined, requestId })
    },
    forget: (userId) => queue.forget(userId),
    close: () => queue.close()
  }
}
