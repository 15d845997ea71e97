import { stringify } from 'yaml'
import type { Alert } from './alert.ts'
import { ALERTS } from './alerts.ts'
import { recordingsOf, SERVICE_LEVELS } from './service-levels.ts'
import { REAL_TIMES, type RuleTimes } from './times.ts'

/** Where operators find what to do; relative to the repository. */
export const runbookOf = (alert: string): string => `docs/runbook.md#${alert.toLowerCase()}`

export const HEADER = '# Made by `npm run monitoring` from ops/monitoring; change it there.\n'

/** The rules for Prometheus, as YAML. */
export const ruleFile = (
  times: RuleTimes = REAL_TIMES,
  alerts: readonly Alert[] = ALERTS
): string => HEADER + stringify({ groups: ruleGroups(times, alerts) }, { lineWidth: 0 })

/** The same for the Prometheus operator of Kubernetes (monitoring.coreos.com/v1). */
export function prometheusRule(): string {
  const rule = {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'gmail-mcp' },
    spec: { groups: ruleGroups(REAL_TIMES, ALERTS) }
  }
  return HEADER + stringify(rule, { lineWidth: 0 })
}

function ruleGroups(times: RuleTimes, alerts: readonly Alert[]) {
  return [
    {
      name: 'gmail-mcp.service-levels',
      rules: SERVICE_LEVELS.flatMap((level) => recordingsOf(level, times))
    },
    {
      name: 'gmail-mcp.alerts',
      rules: alerts.map(({ name, expr, hold, severity, summary }) => ({
        alert: name,
        expr: expr(times),
        for: times.hold(hold),
        labels: { severity },
        annotations: { summary, runbook_url: runbookOf(name) }
      }))
    }
  ]
}
