import type { Clock } from '#shared/clock.ts'
import type { SendAnswer } from '#shared/send-ledger.ts'
import type { SendLedger } from './send-once.ts'

interface Row {
  readonly content: string
  readonly messageId: string
  readonly windowMs: number
  begunAt: number
  forgetAt: number
  sent?: { readonly id: string; readonly threadId: string }
}

/** What is sent first is forgotten first above this, rather than that no more is sent. */
const MOST_ROWS = 1000

/** A ledger of sends that ends with this process: for a server of one person that keeps nothing. */
export function memorySendLedger(clock: Clock): SendLedger {
  const rows = new Map<string, Row>()
  const now = () => clock.monotonic()
  const forgetOld = (): void => {
    for (const [key, { sent, forgetAt }] of rows)
      if (forgetAt <= now() || (sent && rows.size > MOST_ROWS)) rows.delete(key)
  }
  const known = (key: string): SendAnswer => {
    forgetOld()
    const row = rows.get(key)
    if (!row) return { state: 'new' }
    const { sent, messageId, begunAt } = row
    if (sent) return { state: 'sent', messageId, id: sent.id, threadId: sent.threadId }
    return { state: 'doubtful', messageId, ageMs: now() - begunAt }
  }
  return {
    async begin({ key, content, messageId, windowMs, doubtMs }) {
      const answer = known(key)
      const row = rows.get(key)
      if (row && row.content !== content) return { state: 'other' }
      if (answer.state === 'sent') return answer
      const first = row?.messageId ?? messageId
      const times = { begunAt: now(), forgetAt: now() + Math.max(windowMs, doubtMs) }
      rows.set(key, { content, messageId: first, windowMs, ...times })
      return answer
    },
    look: async (key) => known(key),
    async end(key, outcome) {
      const row = rows.get(key)
      if (!row) return
      if (outcome.state === 'sent')
        rows.set(key, { ...row, sent: outcome, forgetAt: now() + row.windowMs })
      if (outcome.state === 'gone' || (outcome.state === 'failed' && !row.sent)) rows.delete(key)
    }
  }
}
