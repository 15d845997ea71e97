import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { json } from 'node:stream/consumers'
import t from 'tap'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { FakeLauncher } from '../../helpers/fake-launcher.ts'
import { launcherOf } from '../../helpers/launch-fixture.ts'
import { launcherContract } from '../../helpers/launcher-contract.ts'
import { WorkerAgent } from '../../helpers/worker-connection.ts'

t.test('the launcher of processes keeps the contract', async (t) => {
  launcherContract(t, (t) => ({
    good: launcherOf(t, 'good'),
    deadly: launcherOf(t, 'dies-at-once'),
    stubborn: launcherOf(t, 'stays')
  }))
})

t.test('the fake launcher keeps it as well', async (t) => {
  launcherContract(t, () => ({
    good: new FakeLauncher(new FakeClock()),
    deadly: new FakeLauncher(new FakeClock(), { diesAtOnce: true }),
    stubborn: new FakeLauncher(new FakeClock(), { endsOn: 'SIGKILL' })
  }))
})

t.test('a worker serves on the connections that it is given, and they end with it', async (t) => {
  const worker = launcherOf(t, 'good').launch()
  t.strictSame(await worker.ready, { version: 'fixture' })
  const agent = new WorkerAgent(() => worker.connect())
  const answers = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const [response] = await once(request({ agent, path: '/' }).end(), 'response')
      return json(response)
    })
  )
  t.ok(answers.every((answer) => (answer as { pid: number }).pid === worker.pid))
  const open = worker.connect()
  const closed = once(
    open.on('error', () => {}),
    'close'
  )
  worker.kill('SIGTERM')
  t.match(await worker.gone, { code: 0, signal: null, isOutOfMemory: false, offence: undefined })
  await closed
  t.ok(worker.connect().destroyed, 'and there is no new one')
})

t.test('a worker gets the given environment and nothing of the gateway’s', async (t) => {
  process.env.GATEWAY_SECRET = 'do not look'
  const worker = launcherOf(t, 'good', { env: { TZ: 'UTC', LANG: 'C.UTF-8' } }).launch()
  await worker.ready
  const names = readFileSync(`/proc/${worker.pid}/environ`, 'utf8')
    .split('\0')
    .filter((line) => line !== '')
    .map((line) => line.split('=')[0])
  // tap adds its own to whatever a test starts.
  const ours = names.filter((name) => !/^(NODE_OPTIONS|_TAPJS.*)$/.test(name ?? ''))
  t.strictSame(ours.sort(), ['LANG', 'TZ'])
  worker.kill('SIGKILL')
  await worker.gone
})

t.test('a worker that dies at once is gone, and its last words are kept', async (t) => {
  const lines: string[] = []
  const onLine = (_: string, stream: string, line: string) => void lines.push(`${stream}: ${line}`)
  const worker = launcherOf(t, 'dies-at-once', { onLine }).launch()
  await t.rejects(worker.ready, { code: 'ERR_WORKER_START' })
  t.match(await worker.gone, { code: 3 })
  t.match(worker.diagnose(), 'the dog ate my program')
  t.strictSame(lines, ['stderr: the dog ate my program'])
})

t.test('a worker that speaks another protocol is not ready', async (t) => {
  const worker = launcherOf(t, 'old-protocol').launch()
  await t.rejects(worker.ready, { code: 'ERR_WORKER_START', cause: { message: /protocol 0/ } })
  worker.kill('SIGKILL')
  await worker.gone
})

t.test('a worker that talks nonsense is killed', async (t) => {
  const worker = launcherOf(t, 'talks-nonsense').launch()
  await t.rejects(worker.ready, { code: 'ERR_WORKER_START' })
  t.match(await worker.gone, { signal: 'SIGKILL' })
  t.match((await worker.gone).offence, 'made no sense')
})

t.test('a program that does not exist is gone', async (t) => {
  const worker = launcherOf(t, 'good', {
    confinement: {
      cell: () => ({ command: ['/no/such/node'], uid: undefined, leave: async () => {} })
    }
  }).launch()
  await t.rejects(worker.ready, { code: 'ERR_WORKER_START' })
  t.match(await worker.gone, { code: null, signal: null })
  t.match(worker.diagnose(), 'ENOENT')
})
