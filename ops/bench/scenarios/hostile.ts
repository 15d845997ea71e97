import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Bench, runLoad, sideOf } from '../bench.ts'
import { GatewayProcess } from '../gateway-process.ts'
import type { LoadPlan } from '../load-plan.ts'
import type { Section } from '../markdown.ts'
import { McpClient, type Target } from '../mcp-client.ts'
import { MISDEEDS, type Misdeed } from '../misdeeds.ts'
import { percentile } from '../percentile.ts'
import type { Row } from '../result-row.ts'

const OTHERS = 19
const CALLS_PER_SECOND = 10
/** Longer than a worker may live that does what none of ours does. */
const ROUND_MS = 6000
const LIVES_MS = 5000
const BEGINS_MS = 500
const LOOK_MS = 25
const TIMES_QUIET = 3
const MB = 1e6
const MORE_MEMORY_MB = 64

/**
 * Asked for one after the other, so that their worker, which makes one in some 30 ms, gets to answer its gateway in between;
 * it holds what nobody takes from it.
 */
const UNREAD = { answers: 64, bytes: 4_700_000, everyMs: 60, workerMemory: '4GiB' }
/** ANSWERS_PER_USER as it is by default, and a piece of each answer that was under way when that was used up. */
const HELD_MB = Math.round((8 * 2 ** 20 + UNREAD.answers * 2 ** 17) / 1e6)

const WORDS: Readonly<Record<Misdeed | 'unread', string>> = {
  rubbish: 'bytes that are no message',
  endless: '300 MB without an end',
  flood: '100,000 messages/s',
  prints: 'lines without an end on its output',
  sleeps: 'reads nothing any more',
  spins: 'a loop without an end',
  unread: `${UNREAD.answers} answers of 4.7 MB that one person does not read`
}

/** What nineteen people and the gateway notice of a worker that has fallen, and how long it lives. */
export async function hostile(bench: Bench): Promise<Section> {
  const deeds = [...MISDEEDS, 'unread'] as const
  const users = OTHERS + deeds.length
  const settings = { WORKER_MEMORY: UNREAD.workerMemory }
  await using gateway = await GatewayProcess.start(bench, { users, warmWorkers: 0, settings })
  const rows: Row[] = []
  for (const [n, deed] of deeds.entries()) {
    const target = gateway.target(OTHERS + n)
    const held: number[] = []
    const measured = await measure(bench, gateway, async (until) => {
      if (deed !== 'unread') return fall(gateway, OTHERS + n, deed)
      using _open = leaveUnread(target, until)
      await once(until, 'abort')
      held.push(await gateway.heldBytes()) // the calls are over: they do not wait behind this
      return undefined
    })
    rows.push(...rowsOf(WORDS[deed], measured))
    if (held.length > 0) rows.push(heldRow(WORDS[deed], held))
  }
  return {
    title: 'Neighbours of a worker that has fallen',
    rows,
    notes: [
      `Each of the ${OTHERS} makes ${CALLS_PER_SECOND} calls a second. Rounds of ${ROUND_MS / 1000} s with and without it take turns. Memory is the most that the gateway had resident, less the most that it had in quiet rounds.`
    ]
  }
}

interface Measured {
  readonly quiet: Watched
  readonly beside: Watched
  /** How long a worker lived after it fell, in ms. */
  readonly lives: readonly number[]
}

interface Watched {
  readonly latencies: number[]
  /** The gateway's most resident memory, in bytes. */
  rss: number
}

/** Does harm until `until` is aborted, or until there is nobody to do it. Resolves with how long that took, in ms. */
type Harm = (until: AbortSignal) => Promise<number | undefined>

async function measure(bench: Bench, gateway: GatewayProcess, harm: Harm): Promise<Measured> {
  const quiet: Watched = { latencies: [], rss: 0 }
  const beside: Watched = { latencies: [], rss: 0 }
  const lives: number[] = []
  const clients = Array.from({ length: OTHERS }, (_, n) => plain(gateway.target(n)))
  for (let n = 0; n < bench.effort.hostileRounds; n += 1) {
    await watch(bench, gateway, clients, quiet)
    const over = new AbortController()
    const harmed = sleep(BEGINS_MS).then(() => harm(over.signal))
    await watch(bench, gateway, clients, beside)
    over.abort()
    const life = await harmed
    if (life !== undefined) lives.push(life)
  }
  return { quiet, beside, lives }
}

/** One round of calls, with the gateway's memory beside it. */
async function watch(
  bench: Bench,
  gateway: GatewayProcess,
  clients: LoadPlan['sides'][number]['clients'],
  into: Watched
): Promise<void> {
  const timer = setInterval(() => {
    into.rss = Math.max(into.rss, residentBytes(gateway.pid))
  }, LOOK_MS)
  const sides = [{ name: 'others', clients }]
  const plan = { sides, rounds: 1, roundMs: ROUND_MS, warmUpMs: 1, pace: CALLS_PER_SECOND }
  const result = await runLoad(bench, plan)
  clearInterval(timer)
  into.latencies.push(...sideOf(result, 'others').latencies)
}

const residentBytes = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024

/** The n-th person's worker falls. Resolves when its process is gone. */
async function fall(gateway: GatewayProcess, n: number, how: Misdeed): Promise<number> {
  await using client = new McpClient(gateway.target(n))
  await client.open()
  const pid = (await gateway.worker(n))?.pid ?? 0
  const since = performance.now()
  client.call('misbehave', { how }).catch(() => {}) // its worker ends
  while (existsSync(`/proc/${pid}`) && performance.now() - since < 2 * ROUND_MS)
    await sleep(LOOK_MS)
  return performance.now() - since
}

/** Asks for more than is read. */
function leaveUnread({ origin, headers }: Target, until: AbortSignal): Disposable {
  const { hostname, port } = new URL(origin)
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'fill', arguments: { bytes: UNREAD.bytes } }
  })
  const head = [
    'POST /mcp HTTP/1.1',
    `host: ${hostname}:${port}`,
    'content-type: application/json',
    'accept: application/json, text/event-stream',
    `content-length: ${body.length}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  ]
  const open: Socket[] = []
  const ask = async (): Promise<void> => {
    while (open.length < UNREAD.answers && !until.aborted) {
      const socket = connect(Number(port), hostname).pause()
      socket.on('error', () => {}).write(`${head.join('\r\n')}\r\n\r\n${body}`)
      open.push(socket)
      await sleep(UNREAD.everyMs)
    }
  }
  void ask() // which never rejects
  return {
    [Symbol.dispose]() {
      for (const socket of open) socket.destroy()
    }
  }
}

/** Throws when nothing was held: then the answers never came, and what was measured beside them says nothing. */
function heldRow(what: string, held: readonly number[]): Row {
  const most = Math.max(...held)
  if (most === 0) throw new Error(`Of ${what} nothing was held.`)
  return {
    what: `${what}: held for the person`,
    unit: 'MB',
    ours: most / MB,
    budget: { kind: 'at most', limit: HELD_MB }
  }
}

function rowsOf(what: string, { quiet, beside, lives }: Measured): Row[] {
  const p99: Row = {
    what: `${what}: p99 of ${OTHERS} other people`,
    unit: 'ms',
    ours: percentile(beside.latencies, 0.99),
    against: { name: 'quiet', figure: percentile(quiet.latencies, 0.99) },
    budget: { kind: 'ratio at most', limit: TIMES_QUIET }
  }
  const memory: Row = {
    what: `${what}: more memory in the gateway`,
    unit: 'MB',
    ours: Math.max(0, beside.rss - quiet.rss) / MB,
    budget: { kind: 'at most', limit: MORE_MEMORY_MB }
  }
  const life = (): Row => ({
    what: `${what}: the worker is gone after (slowest)`,
    unit: 'ms',
    ours: Math.max(...lives),
    budget: { kind: 'at most', limit: LIVES_MS }
  })
  return [p99, memory, ...(lives.length > 0 ? [life()] : [])]
}

const plain = ({ origin, headers }: Target) => ({ origin, headers: { ...headers } })
