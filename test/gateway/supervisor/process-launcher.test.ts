import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import t from 'tap'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { FakeLauncher } from '../../helpers/fake-launcher.ts'
import { launcherOf } from '../../helpers/launch-fixture.ts'
import { launcherContract } from '../../helpers/launcher-contract.ts'

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

t.test('a worker’s directory is private, and goes with it', async (t) => {
  const worker = launcherOf(t, 'good').launch()
  t.strictSame(await worker.ready, { version: 'fixture' })
  t.equal(statSync(dirname(worker.socketPath)).mode & 0o777, 0o700)
  worker.kill('SIGTERM')
  t.strictSame(await worker.gone, { code: 0, signal: null, isOutOfMemory: false })
  t.notOk(existsSync(dirname(worker.socketPath)), 'its directory is removed')
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
  t.strictSame(ours.sort(), ['LANG', 'NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE', 'TZ'])
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
  t.match(worker.diagnose(), 'not in the protocol')
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
