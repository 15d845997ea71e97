import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { createMetrics } from '../../../gateway/telemetry/metrics.ts'
import { readRequest } from '../../../ops/admin/request.ts'
import type { Alert } from '../../../ops/monitoring/alert.ts'
import { ruleTestFile } from '../../../ops/monitoring/alert-cases.ts'
import { ALERTS } from '../../../ops/monitoring/alerts.ts'
import { dashboardFile, dashboardQueries } from '../../../ops/monitoring/dashboard.ts'
import { ruleFile } from '../../../ops/monitoring/rule-file.ts'
import { recordingsOf, SERVICE_LEVELS } from '../../../ops/monitoring/service-levels.ts'
import { fasterTimes, REAL_TIMES, secondsOf } from '../../../ops/monitoring/times.ts'
import { without } from '../../helpers/prometheus-tools.ts'

const RULES = 'ops/prometheus/gmail-mcp.rules.yml'
const CASES = 'ops/prometheus/gmail-mcp.test.yml'
const DASHBOARD = 'ops/grafana/gmail-mcp.json'
const read = (path: string): string => readFileSync(path, 'utf8')

const promtool = (...args: string[]) => spawnSync('promtool', args, { encoding: 'utf8' })

t.test('what Prometheus and Grafana read is what the sources say', async (t) => {
  const how = 'npm run monitoring'
  t.equal(read(RULES), ruleFile(), how)
  t.equal(read(CASES), ruleTestFile('gmail-mcp.rules.yml'), how)
  t.equal(read(DASHBOARD), dashboardFile(), how)
})

t.test('every alert fires and resolves', { skip: without('promtool') }, async (t) => {
  const checked = promtool('check', 'rules', RULES)
  t.equal(checked.status, 0, checked.stderr)
  const tested = promtool('test', 'rules', CASES)
  t.equal(tested.status, 0, tested.stdout + tested.stderr)
  const cases = [...read(CASES).matchAll(/name: (\w+) fires and resolves/g)].map(([, name]) => name)
  t.same(
    cases,
    ALERTS.map(({ name }) => name),
    'none is left out'
  )
})

const COMPARED = / (==|>=|>) (-?[\d.]+)/g
const OPPOSITE: Readonly<Record<string, string>> = { '==': '!=', '>=': '<', '>': '<=' }
/** What a slip of the pen, or a change without thought, could make of an expression. */
const ALTERED: Readonly<Record<string, (expr: string) => string>> = {
  'the other way round': (expr) =>
    expr.replaceAll(COMPARED, (_, how, value) => ` ${OPPOSITE[how]} ${value}`),
  'ten times as much': (expr) =>
    expr.replaceAll(COMPARED, (_, how, value) => ` ${how} ${Number(value) * 10 || 1000}`),
  'nothing at all is enough': (expr) => expr.replaceAll(COMPARED, ' >= 0')
}

t.test('an altered expression is noticed', { skip: without('promtool') }, async (t) => {
  const directory = t.testdir()
  const write = (file: string, alert: Alert): string => {
    writeFileSync(`${directory}/${file}.rules.yml`, ruleFile(REAL_TIMES, [alert]))
    const path = `${directory}/${file}.test.yml`
    writeFileSync(path, ruleTestFile(`${file}.rules.yml`, [alert]))
    return path
  }
  const files = ALERTS.flatMap((alert) => [
    { path: write(alert.name, alert), what: `${alert.name} as it is`, isRight: true },
    ...Object.entries(ALTERED).map(([what, alter], n) => {
      const expr: Alert['expr'] = (times) => alter(alert.expr(times))
      t.not(expr(REAL_TIMES), alert.expr(REAL_TIMES), `${alert.name} is altered`)
      const path = write(`${alert.name}-${n}`, { ...alert, expr })
      return { path, what: `${alert.name}: ${what}`, isRight: false }
    })
  ])
  const rules = files.map(({ path }) => path.replace(/test\.yml$/, 'rules.yml'))
  const checked = promtool('check', 'rules', ...rules)
  t.equal(checked.status, 0, `each could be somebody’s rules ${checked.stderr}`)
  // What failed is said on stderr, and so not in its place among the files.
  const { stdout } = promtool('test', 'rules', ...files.map(({ path }) => path))
  const passed = new Map(
    [...stdout.matchAll(/^Unit Testing: +(\S+)\n( +SUCCESS)?/gm)].map(([, path, success]) => [
      path,
      success !== undefined
    ])
  )
  for (const { path, what, isRight } of files) t.equal(passed.get(path), isRight, what)
})

/** Each series that a query names: the metric, and what its labels are compared with. */
function selectorsIn(query: string) {
  return [...query.matchAll(/(?<![:\w])((?:gmail_mcp|process)_\w+)(?![:\w])(?:\{([^}]*)\})?/g)].map(
    ([, name = '', labels = '']) => ({
      name,
      matchers: [...labels.matchAll(/(\w+)(=~|!=|=)"([^"]*)"/g)]
        .map(([, label = '', how = '', value = '']) => ({ label, how, value }))
        .filter(({ label }) => label !== 'job' && label !== 'instance')
    })
  )
}

t.test('every series that a rule or a panel names exists from the start', async (t) => {
  const { text } = await createMetrics({ version: '1.2.3' }).scrape()
  const series = text.split('\n').flatMap((line) => {
    const [, name, labels = ''] = /^(\w+)(?:\{(.*)\})? \S+$/.exec(line) ?? []
    const values = new Map(
      [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label, value]) => [label, value])
    )
    return name === undefined ? [] : [{ name, values }]
  })
  const queries = [
    ...ALERTS.map(({ expr }) => expr(REAL_TIMES)),
    ...SERVICE_LEVELS.flatMap((level) => recordingsOf(level, REAL_TIMES).map(({ expr }) => expr)),
    ...dashboardQueries()
  ]
  const selectors = queries.flatMap(selectorsIn)
  t.ok(selectors.length > 120, 'there is something to look at')
  const missing = selectors.filter(
    ({ name, matchers }) =>
      !series.some(
        (one) =>
          one.name === name &&
          matchers.every(({ label, how, value }) => {
            const has = one.values.get(label)
            if (has === undefined) return false
            if (how === '=') return has === value
            return how === '!=' ? has !== value : new RegExp(`^(?:${value})$`).test(has)
          })
      )
  )
  t.same(missing, [])
})

t.test('the runbook has a section for each alert, and no other', async (t) => {
  const sections = [...read('docs/runbook.md').matchAll(/^### (\S+)$/gm)].map(
    ([, name]) => name ?? ''
  )
  const names = ALERTS.map(({ name }) => name)
  t.same([...sections].sort(), [...names].sort())
  t.equal(new Set(names).size, names.length)
})

// Whole blocks are run by test/runbook.test.ts.
t.test('every command in the sentences of the runbook exists, and every place in it', async (t) => {
  const text = read('docs/runbook.md')
  const inline = [...text.matchAll(/`(npm [^`]+)`/g)].map(([, command = '']) => command)
  const { scripts } = JSON.parse(read('package.json'))
  t.ok(inline.length > 5)
  for (const command of inline.filter((one) => !one.includes('…'))) {
    const [, script] = /\bnpm (?:run )?(\w[\w:-]*)/.exec(command) ?? []
    t.ok(script !== undefined && script in scripts, command)
    const [, admin] = /\bnpm run admin -- (.*)$/.exec(command) ?? []
    if (admin === undefined) continue
    const words = [...admin.matchAll(/"([^"]*)"|(\S+)/g)].map(
      ([, quoted, plain]) => quoted ?? plain ?? ''
    )
    t.equal(readRequest(words).kind, 'do', command)
  }
  const anchors = new Set(
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
      title.toLowerCase().replaceAll(' ', '-')
    )
  )
  const links = [...text.matchAll(/\]\(#([\w-]+)\)/g)].map(([, anchor = '']) => anchor)
  t.same(
    links.filter((anchor) => !anchors.has(anchor)),
    []
  )
})

t.test('rules can be made faster, to see them', async (t) => {
  const times = fasterTimes(60, 5)
  t.same(
    [times.range('10m'), times.range('1m'), times.hold('2m'), times.hold('0s')],
    ['10s', '5s', '2s', '0s']
  )
  t.same([secondsOf('1h'), secondsOf('3d')], [3600, 259_200])
  t.throws(() => secondsOf('soon'))
  t.match(ruleFile(times), 'gmail_mcp_misroutes_blocked_total[10s]')
})
