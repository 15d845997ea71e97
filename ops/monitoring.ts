/**
 * `npm run monitoring`: writes what Prometheus, its operator for Kubernetes, and Grafana read, from the sources in ops/monitoring. With `--faster N DIR`
 * the rules alone into DIR, N times as fast as operators use them, to see them fire and resolve.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ruleTestFile } from './monitoring/alert-cases.ts'
import { dashboardFile } from './monitoring/dashboard.ts'
import { prometheusRule, ruleFile } from './monitoring/rule-file.ts'
import { fasterTimes } from './monitoring/times.ts'

const LEAST_RANGE_SECONDS = 5
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

const [option, factor, directory] = process.argv.slice(2)
if (option === '--faster' && Number(factor) >= 1 && directory !== undefined) {
  const times = fasterTimes(Number(factor), LEAST_RANGE_SECONDS)
  writeFileSync(join(directory, 'gmail-mcp.rules.yml'), ruleFile(times))
} else if (option === undefined) {
  writeFileSync(here('prometheus/gmail-mcp.rules.yml'), ruleFile())
  writeFileSync(here('kubernetes/monitoring/prometheus-rule.yaml'), prometheusRule())
  writeFileSync(here('prometheus/gmail-mcp.test.yml'), ruleTestFile('gmail-mcp.rules.yml'))
  writeFileSync(here('grafana/gmail-mcp.json'), dashboardFile())
} else {
  process.stderr.write('npm run monitoring [-- --faster FACTOR DIRECTORY]\n')
  process.exitCode = 64
}
