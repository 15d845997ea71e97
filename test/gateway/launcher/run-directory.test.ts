import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import {
  isSameProcess,
  processesOf,
  processStart,
  processUse,
  startIfThere
} from '../../../gateway/launcher/procfs.ts'
import { openRunDirectory } from '../../../gateway/launcher/run-directory.ts'
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

t.test('what cannot be known to be gone is neither cleared away nor killed', async (t) => {
  const base = shortDirectory(t)
  const worker = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' })
  t.teardown(() => worker.kill('SIGKILL'))
  const starts = new Map([
    [7, '0'], // it is there, and /proc does not say since when
    [8, '0'],
    [9, '90']
  ])
  const startOf = (pid: number) => starts.get(pid)
  for (const name of ['7-70', '8-0', '9-80', '10-100']) {
    mkdirSync(join(base, name))
    writeFileSync(join(base, name, `${worker.pid}.pid`), `${worker.pid} 5`)
  }
  starts.set(worker.pid ?? 0, '0')
  const directory = openRunDirectory({ base, pid: 11, startOf })
  t.teardown(() => directory.close())
  t.same(readdirSync(base).toSorted(), ['11-0', '7-70', '8-0'])
  t.equal(directory.reaped, 0)
  t.ok(startIfThere(worker.pid ?? 0), 'nobody knows that it is the worker')
})

t.test('a process is there although /proc does not tell', async (t) => {
  const nothing = t.testdir()
  t.equal(startIfThere(process.pid, nothing), '0')
  t.equal(startIfThere(1, nothing), '0', 'also one that this user may not signal')
  t.equal(startIfThere(2 ** 22, nothing), undefined)
  t.equal(isSameProcess('0', '5'), undefined)
  t.equal(isSameProcess('5', '0'), undefined)
  t.equal(isSameProcess('5', '5'), true)
  t.equal(isSameProcess('6', '5'), false)
  t.equal(isSameProcess(undefined, '0'), false)
})

t.test('who has ended and is only waited for is gone', { skip: needsProc }, async (t) => {
  const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'ignore']
  })
  t.teardown(() => parent.kill('SIGKILL'))
  const [text] = await once(parent.stdout, 'data')
  t.ok(await until(() => startIfThere(Number(text)) === undefined))
  t.ok(existsSync(`/proc/${Number(text)}`))
})

t.test('/proc tells what a process uses and whose it is', { skip: needsProc }, async (t) => {
  const use = await processUse(process.pid)
  t.ok(use && use.rssBytes > 2 ** 24 && use.cpuSeconds > 0.01)
  t.equal(await processUse(2 ** 22), undefined)
  t.equal(processStart(2 ** 22), undefined)
  t.ok((await processesOf(process.getuid?.() ?? 0)).includes(process.pid))
})
