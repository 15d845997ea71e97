import type { Test } from 'tap'
import type { Launched, Launcher } from '../../gateway/launcher/launcher.ts'

/** A launcher, and its ways to make workers that do not do what they should. */
export interface Candidate {
  readonly good: Launcher
  /** Its workers end before they are ready. */
  readonly deadly: Launcher
  /** Its workers end on nothing but SIGKILL. */
  readonly stubborn: Launcher
}

/** What `Launcher` and `Launched` promise. Every launcher keeps it, the fake one of the tests as well. */
export function launcherContract(t: Test, candidate: (t: Test) => Candidate): void {
  t.test('a worker becomes ready, is given an identity and answers', async (t) => {
    const worker = candidate(t).good.launch()
    t.match(await worker.ready, { version: String })
    await assign(worker)
    t.match(await worker.channel.ask({ type: 'ping' }), { type: 'pong' })
    const initialize = { protocolVersion: '1', capabilities: {}, clientInfo: client }
    t.match(await worker.channel.ask({ type: 'restore', sessionId: 's', initialize }), { ok: true })
    worker.channel.send({ type: 'drain' })
    t.match(await worker.gone, { code: 0 })
  })

  t.test('two workers share nothing', async (t) => {
    const { good } = candidate(t)
    const [a, b] = [good.launch(), good.launch()]
    await Promise.all([a.ready, b.ready])
    for (const part of ['id', 'pid'] as const) t.not(a[part], b[part])
    await Promise.all([end(a), end(b)])
  })

  t.test('a worker that ends early is not ready, but gone', async (t) => {
    const worker = candidate(t).deadly.launch()
    await t.rejects(worker.ready, { code: 'ERR_WORKER_START' })
    t.match(await worker.gone, { isOutOfMemory: false })
    t.type(worker.diagnose(), 'string')
  })

  t.test('after its end a worker hears nothing, and questions are refused', async (t) => {
    const worker = candidate(t).good.launch()
    await worker.ready
    const asked = worker.channel.next('token')
    worker.kill('SIGKILL')
    await t.rejects(asked, { code: 'ERR_WORKER_GONE' })
    await worker.gone
    worker.channel.send({ type: 'drain' })
    worker.kill('SIGTERM')
    worker.kill('SIGKILL')
    await t.rejects(worker.channel.ask({ type: 'ping' }), { code: 'ERR_WORKER_GONE' })
  })

  t.test('SIGKILL ends what SIGTERM does not', async (t) => {
    const worker = candidate(t).stubborn.launch()
    await worker.ready
    worker.kill('SIGTERM')
    worker.kill('SIGKILL')
    t.match(await worker.gone, { code: null, signal: 'SIGKILL' })
  })

  t.test('a launcher may be closed twice', async (t) => {
    const { good } = candidate(t)
    await good.close()
    await good.close()
  })
}

const client = { name: 'contract', version: '1' }

async function assign(worker: Launched): Promise<void> {
  const assigned = worker.channel.next('assigned')
  worker.channel.send({ type: 'assign', email: 'a@example.com', googleScopes: [] })
  await assigned
}

async function end(worker: Launched): Promise<void> {
  worker.kill('SIGKILL')
  await worker.gone
}
