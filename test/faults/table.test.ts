import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createMetrics } from '../../gateway/telemetry/metrics.ts'

// docs/faults.md is what an operator reads in the night: what it names must be there.

const rows = readFileSync('docs/faults.md', 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ['))
  .map((line) => line.slice(2, -2).split(' | '))

t.test('each row is a fault with a test, and says what everybody sees of it', (t) => {
  t.ok(rows.length >= 12)
  for (const row of rows) {
    t.equal(row.length, 6, row.join())
    const [, path = ''] = /\]\(([^)]+)\)/.exec(row[0] ?? '') ?? []
    t.ok(existsSync(join('docs', path)), path)
  }
  t.end()
})

t.test('its metrics are there', async (t) => {
  const { text } = await createMetrics({ version: '0' }).scrape()
  const named = rows.flatMap((row) => (row[4] ?? '').match(/gmail_mcp_\w+(\{\w+="\w+"\})?/g) ?? [])
  t.ok(named.length >= 10)
  for (const name of named) t.match(text, `${name}`, name)
})

const rules = globSync('ops/prometheus/*.rules.yml').map((path) => readFileSync(path, 'utf8'))
t.test(
  'its alerts are there',
  { skip: rules.length > 0 ? false : 'there are no rules in ops/prometheus' },
  (t) => {
    const known = new Set([...rules.join().matchAll(/alert: (\w+)/g)].map(([, name]) => name))
    const named = rows.flatMap((row) => (row[5] ?? '').match(/\w{3,}/g) ?? [])
    t.ok(named.length >= 12)
    for (const name of named) t.ok(known.has(name), name)
    t.end()
  }
)
