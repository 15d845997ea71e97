import type { Clock } from '#shared/clock.ts'
import type { SendLedger } from './sends.ts'

interface Row {
  readonly content: string
  readonly messageId: string
  begunAt: number
  readonly windowMs: number
  sent?: { readonly id: string; readonly threadId: string; readonly until: number }
}

const MOST_ROWS = 1000

/** A ledger of sends that ends with this process: for a server of one person that keeps nothing. */
export function memoryLedger(clock: Clock): SendLedger {
  const rows = new Map<string, Row>()
  const forgetOld = (): void => {
    for (const [key, { sent }] of rows)
      if (sent && (sent.until <= clock.monotonic() || rows.size > MOST_ROWS)) rows.delete(key)
  }
  return {
    async begin({ key, content, messageId, windowMs }) {
      forgetOld()
      const row = rows.get(key)
      const begunAt = clock.monotonic()
      if (!row) {
        rows.set(key, { content, messageId, begunAt, windowMs })
        return { state: 'new' }
      }
      if (row.content !== content) return { state: 'other' }
      const { sent, messageId: first } = row
      if (sent) return { state: 'sent', messageId: first, id: sent.id, threadId: sent.threadId }
      const ageMs = begunAt - row.begunAt
      row.begunAt = begunAt
      return { state: 'doubtful', messageId: first, ageMs }
    },
    async end(key, outcome) {
      const row = rows.get(key)
      if (outcome.state === 'failed') rows.delete(key)
      if (outcome.state === 'sent' && row)
        row.sent = { ...outcome, until: clock.monotonic() + row.windowMs }
    }
  }
}
