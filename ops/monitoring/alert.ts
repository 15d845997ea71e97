import type { RuleTimes } from './times.ts'

export interface Alert {
  /** Its section in docs/runbook.md has the same name. */
  readonly name: string
  /** `page`: somebody has to look now. `ticket`: on the next working day. */
  readonly severity: 'page' | 'ticket'
  /** How long it must go on. */
  readonly hold: string
  /** One sentence; may name labels in Prometheus' way. */
  readonly summary: string
  readonly expr: (times: RuleTimes) => string
}
