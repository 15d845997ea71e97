import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Test } from 'tap'
import { stringify } from 'yaml'
import * as z from 'zod'
import { freePort } from './free-port.ts'

export interface PrometheusOptions {
  /** Of its own: configuration, data. */
  readonly directory: string
  /** Where a gateway's metrics are, `host:port`, and the token for them. */
  readonly target: string
  readonly token: string
  /** Files of rules. */
  readonly rules: readonly string[]
}

const Alerts = z.object({
  data: z.object({
    alerts: z.array(z.object({ labels: z.record(z.string(), z.string()), state: z.string() }))
  })
})
const Result = z.object({
  status: z.string(),
  error: z.string().optional(),
  data: z.object({ result: z.array(z.looseObject({})) }).optional()
})

/** Debian's Prometheus on a free port of this machine; it looks twice a second. Ends with the test. */
export async function startPrometheus(
  t: Test,
  { directory, target, token, rules }: PrometheusOptions
) {
  const config = {
    global: { scrape_interval: '500ms', evaluation_interval: '500ms', scrape_timeout: '500ms' },
    rule_files: rules,
    scrape_configs: [
      {
        job_name: 'gmail-mcp',
        authorization: { credentials: token },
        static_configs: [{ targets: [target] }]
      }
    ]
  }
  const file = join(directory, 'prometheus.yml')
  writeFileSync(file, stringify(config))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const child = spawn(
    'prometheus',
    [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] }
  )
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString('utf8')
  })
  const gone = once(child, 'close')
  t.teardown(async () => {
    child.kill('SIGKILL')
    await gone
  })
  await Promise.race([
    eventually(async () => (await fetch(`${url}/-/ready`).catch(() => undefined))?.ok === true),
    gone.then(() => {
      throw new Error(`prometheus ended: ${said}`)
    })
  ])
  return {
    /** The names of the alerts that fire now. */
    async firing(): Promise<string[]> {
      const { data } = Alerts.parse(await (await fetch(`${url}/api/v1/alerts`)).json())
      return data.alerts
        .filter(({ state }) => state === 'firing')
        .map(({ labels }) => labels.alertname ?? '')
    },
    /** How many series a query has; throws when it is none. */
    async count(query: string): Promise<number> {
      const answer = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query })}`)
      const { status, error, data } = Result.parse(await answer.json())
      if (status !== 'success') throw new Error(`${query}: ${error}`)
      return data?.result.length ?? 0
    }
  }
}

const PATIENCE_MS = 45_000
const LOOK_MS = 100

/** As `until`, for what takes a few rounds of Prometheus. */
export async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (!(await condition())) {
    if (performance.now() > end) throw new Error('it did not come to pass in 45 s')
    await setTimeout(LOOK_MS)
  }
}
