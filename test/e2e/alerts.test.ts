import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { dashboardQueries } from '../../ops/monitoring/dashboard.ts'
import { ruleFile } from '../../ops/monitoring/rule-file.ts'
import { fasterTimes } from '../../ops/monitoring/times.ts'
import { startSandbox } from '../../ops/sandbox/sandbox.ts'
import {
  endpointOf,
  messageOf,
  modernCall,
  openSession,
  send,
  until,
  workersOf
} from '../helpers/mcp-http.ts'
import { eventually, startPrometheus } from '../helpers/prometheus-server.ts'
import { without } from '../helpers/prometheus-tools.ts'
import { smallDisk } from '../helpers/small-disk.ts'
import { startGateway } from '../helpers/start-gateway.ts'

/** As operators have the rules, with ten minutes in ten seconds. */
const TIMES = fasterTimes(60, 4)
const PEOPLE = ['ada', 'bea', 'cem'].map((name) => `${name}@sandbox.example`)

/** The real Prometheus, the real rules, a gateway with real workers, and a database on a disk that can be full. */
async function build(t: Test) {
  const disk = smallDisk('4m')
  const users = PEOPLE.map((email) => ({ email, empty: true }))
  const stateFile = join(t.testdir(), 'google.json')
  const google = await startSandbox({ users, stateFile })
  const port = Number(new URL(google.url).port)
  const directory = mkdtempSync(join(tmpdir(), 'prometheus-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const settings: Record<string, string> = disk
    ? { DATABASE_URL: `sqlite:${join(disk.directory, 'gateway.sqlite')}` }
    : {}
  const gateway = await startGateway({ google, settings })
  t.teardown(async () => {
    await gateway.close()
    disk?.end()
  })
  const rules = join(directory, 'rules.yml')
  writeFileSync(rules, ruleFile(TIMES))
  const target = new URL(gateway.opsUrl).host
  const prometheus = await startPrometheus(t, {
    directory,
    target,
    token: gateway.adminToken,
    rules: [rules]
  })
  const fires = (name: string) => eventually(async () => (await prometheus.firing()).includes(name))
  const resolves = (name: string) =>
    eventually(async () => !(await prometheus.firing()).includes(name))
  const comesBack = () => startSandbox({ users, stateFile, port })
  return { gateway, google, comesBack, disk, prometheus, fires, resolves }
}

t.test(
  'what breaks makes an alert fire, and resolve',
  { skip: without('prometheus') },
  async (t) => {
    const { gateway, google, comesBack, disk, prometheus, fires, resolves } = await build(t)
    const outer = t
    const people = PEOPLE.map((_, i) => endpointOf(gateway, i))
    const ada = endpointOf(gateway, 0)
    const use = async () => messageOf(await send(ada, modernCall('get_profile')))
    t.notOk((await use()).result?.isError)
    await eventually(async () => (await prometheus.count('gmail_mcp_build_info')) === 1)

    t.test('nothing fires while all is well', async (t) => {
      t.same(
        (await prometheus.firing()).filter((name) => !MACHINE.has(name)),
        []
      )
    })

    t.test('every panel of the dashboard is a question that Prometheus can answer', async (t) => {
      for (const query of dashboardQueries()) {
        const asked = query
          .replaceAll('$job', 'gmail-mcp')
          .replaceAll('$instance', '.*')
          .replaceAll('$__rate_interval', '5s')
        await t.resolves(prometheus.count(asked), query)
      }
    })

    t.test('Google is away', async (t) => {
      await google.close()
      t.ok((await use()).result?.isError)
      await fires('GmailMcpGoogleAway')
      const back = await comesBack()
      outer.teardown(() => back.close())
      await until(async () => !(await use()).result?.isError)
      await resolves('GmailMcpGoogleAway')
    })

    t.test('workers that die again and again', async (t) => {
      for (let round = 0; round < 3; round += 1) {
        await Promise.all(
          people.map(async (me) => (await send(me, modernCall('get_profile'))).text())
        )
        for (const { pid } of await workersOf(gateway)) process.kill(pid, 'SIGKILL')
        await until(async () => (await workersOf(gateway)).length === 0)
      }
      await fires('GmailMcpWorkersFail')
      await resolves('GmailMcpWorkersFail')
      t.equal(await prometheus.count('gmail_mcp_worker_exits_total{reason="crash"} >= 9'), 1)
    })

    t.test(
      'the disk of the database is full',
      { skip: disk ? false : 'nothing may be mounted here' },
      async (t) => {
        disk?.fill()
        await fires('GmailMcpStoreTrouble')
        t.notOk((await use()).result?.isError, 'who is at work works on')
        disk?.empty()
        await resolves('GmailMcpStoreTrouble')
        t.ok(await openSession(ada))
      }
    )
  }
)

/** What is true of the machine that tests run on, and is no fault. */
const MACHINE = new Set([
  'GmailMcpNoWalls',
  'GmailMcpNodeOutdated',
  'GmailMcpLoopBlocked',
  'GmailMcpClockStepped'
])
