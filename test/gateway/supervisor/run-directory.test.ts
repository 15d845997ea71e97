import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { processesOf, processStart, processUse } from '../../../gateway/supervisor/proc.ts'
import { openRunDirectory } from '../../../gateway/supervisor/run-directory.ts'
import { PLAIN, shortDirectory } from '../../helpers/launch-fixture.ts'
import { until } from '../../helpers/until.ts'

const GATEWAY = fileURLToPath(new URL('../../fixtures/gateways/holds-workers.ts', import.meta.url))
const needsProc = process.platform === 'linux' ? false : 'needs /proc'

/** A gateway with two workers that do not end by themselves, killed without a chance to end them. */
async function deadGateway(t: Test, base: string, setpriv: string): Promise<number[]> {
  const gateway: ChildProcess = spawn(process.execPath, [GATEWAY, base, setpriv], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.teardown(() => gateway.kill('SIGKILL'))
  const [text] = await once(gateway.stdout ?? gateway, 'data')
  gateway.kill('SIGKILL')
  await once(gateway, 'exit')
  return JSON.parse(String(text))
}

t.test('SIGKILL of the gateway leaves no worker', { skip: !PLAIN.setpriv }, async (t) => {
  const pids = await deadGateway(t, shortDirectory(t), PLAIN.setpriv ?? '')
  t.equal(pids.length, 2)
  t.ok(await until(() => pids.every((pid) => processStart(pid) === undefined), 1000))
})

t.test('a start sweeps what a dead gateway left', { skip: needsProc }, async (t) => {
  const base = shortDirectory(t)
  const pids = await deadGateway(t, base, '-')
  t.ok(
    pids.every((pid) => processStart(pid) !== undefined),
    'without setpriv they live on'
  )
  const directory = openRunDirectory({ base, pid: process.pid })
  t.equal(directory.reaped, 2)
  t.ok(await until(() => pids.every((pid) => processStart(pid) === undefined)))
  t.equal(readdirSync(base).length, 1, 'only the directory of this gateway is left')
  const second = openRunDirectory({ base, pid: process.pid })
  t.equal(second.reaped, 0)
  await second.close()
  await directory.close()
  t.strictSame(readdirSync(base), [])
})

t.test('what is noted of a worker is the gateway’s alone, and goes with it', async (t) => {
  const base = shortDirectory(t)
  const directory = openRunDirectory({ base, pid: process.pid })
  t.teardown(() => directory.close())
  const path = join(base, readdirSync(base)[0] ?? '')
  t.equal(statSync(path).mode & 0o777, 0o700)
  const forget = directory.note(process.pid)
  t.strictSame(readdirSync(path), [`${process.pid}.pid`])
  forget()
  forget()
  t.strictSame(readdirSync(path), [])
})

t.test('a directory that cannot serve is refused with a sentence', async (t) => {
  const base = shortDirectory(t)
  mkdirSync(join(base, 'theirs'))
  symlinkSync(join(base, 'theirs'), join(base, 'trap'))
  t.throws(() => openRunDirectory({ base: join(base, 'trap'), pid: 1 }), {
    code: 'ERR_CONFIG',
    message: /own user/
  })
})

t.test('/proc tells what a process uses and whose it is', { skip: needsProc }, async (t) => {
  const use = await processUse(process.pid)
  t.ok(use && use.rssBytes > 2 ** 24 && use.cpuSeconds > 0.01)
  t.equal(await processUse(2 ** 22), undefined)
  t.equal(processStart(2 ** 22), undefined)
  t.ok((await processesOf(process.getuid?.() ?? 0)).includes(process.pid))
})
