import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'
import { createKeyring, writeKeyring } from '../../gateway/accounts/keyring.ts'
import type { BenchPlace } from './bench-place.ts'
import type { Checkout } from './checkout.ts'
import { Child } from './child.ts'
import { freePort } from './free-port.ts'
import type { Target } from './mcp-client.ts'

const Users = z.object({ users: z.array(z.object({ userId: z.string(), token: z.string() })) })
type User = z.infer<typeof Users>['users'][number]
const Memory = z.object({ heapUsed: z.number(), external: z.number(), rss: z.number() })
const Workers = z.object({
  workers: z.array(
    z.object({
      id: z.string(),
      pid: z.number(),
      userId: z.string().nullable(),
      startedAt: z.coerce.date()
    })
  )
})
type Worker = z.infer<typeof Workers>['workers'][number]

const POLL_MS = 10
const PATIENCE_MS = 20_000
/** A worker that waits prepares itself for a moment after it listens. */
const WARM_UP_MS = 600

export interface GatewayOptions {
  readonly users: number
  readonly warmWorkers: number
  /** Further flags of Node. */
  readonly flags?: readonly string[]
  /** Further settings, and others than usual. */
  readonly settings?: Readonly<Record<string, string>>
}

/** A running gateway with connected accounts, and what the bench does to it. */
export class GatewayProcess {
  readonly pid: number
  readonly users: readonly User[]
  readonly #child: Child
  readonly #origin: string
  readonly #ops: string
  readonly #adminToken: string

  private constructor(child: Child, users: readonly User[], settings: Record<string, string>) {
    this.#child = child
    this.pid = child.pid
    this.users = users
    this.#origin = settings.PUBLIC_URL ?? ''
    this.#ops = `http://127.0.0.1:${settings.OPS_PORT}`
    this.#adminToken = settings.ADMIN_TOKEN ?? ''
  }

  static async start(
    { place, gateway }: Pick<Checkout, 'place' | 'gateway'>,
    { users, warmWorkers, flags = [], ...others }: GatewayOptions
  ): Promise<GatewayProcess> {
    const usual = await settingsIn(place, { users, warmWorkers })
    const settings = { ...usual, ...others.settings }
    const child = new Child(gateway.program, {
      flags: [...gateway.startFlags, '--expose-gc', ...flags],
      args: [JSON.stringify(settings)]
    })
    const started = await child.next(Users)
    return new GatewayProcess(child, started.users, settings)
  }

  /** How the n-th account reaches it. */
  target(n: number): Target {
    const { token } = this.#user(n)
    return { origin: this.#origin, headers: { authorization: `Bearer ${token}` } }
  }

  /** The worker of the n-th account, if there is one. */
  async worker(n: number): Promise<Worker | undefined> {
    const { userId } = this.#user(n)
    return (await this.workers()).find((worker) => worker.userId === userId)
  }

  async workers(): Promise<Worker[]> {
    return Workers.parse(await this.#admin('GET', '/admin/workers')).workers
  }

  /** Puts the n-th account to sleep, as idleness does: its sessions stay. */
  async hibernate(n: number): Promise<void> {
    const worker = await this.worker(n)
    if (worker) await this.#admin('DELETE', `/admin/workers/${worker.id}?mode=drain`)
  }

  /** Kills the worker of the n-th account and waits until the gateway knows it. */
  async crash(n: number): Promise<void> {
    const worker = await this.worker(n)
    if (!worker) throw new Error('There is no worker to kill.')
    process.kill(worker.pid, 'SIGKILL')
    await this.#until(async () => (await this.worker(n)) === undefined)
  }

  /** Resolves when `count` workers wait in the warm pool, as most have for long, and nobody else has one. */
  async poolIsReady(count: number): Promise<void> {
    await this.#until(async () => {
      const workers = await this.workers()
      const since = Date.now() - WARM_UP_MS
      const isWarm = (worker: Worker): boolean =>
        worker.userId === null && worker.startedAt.getTime() < since
      return workers.length === count && workers.every(isWarm)
    })
  }

  /** How many seconds all starts of workers took together, from the need to the first call. */
  startSeconds(): Promise<number> {
    return this.#metric('worker_spawn_duration_seconds_sum')
  }

  /** Bytes of answers that wait in it for their clients. */
  heldBytes(): Promise<number> {
    return this.#metric('answers_held_bytes')
  }

  /** What it holds after a collection, in bytes. */
  memory(): Promise<z.infer<typeof Memory>> {
    return this.#child.ask({}, Memory)
  }

  /** May be called more than once. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]()
  }

  /** What Prometheus gets. */
  async scrape(): Promise<string> {
    return (await this.#ask('GET', '/metrics')).text()
  }

  /** The sum over all labels. */
  async #metric(name: string): Promise<number> {
    const scraped = await this.scrape()
    const series = new RegExp(`^gmail_mcp_${name}(?:\\{.*\\})? (\\S+)$`, 'gm')
    const values = [...scraped.matchAll(series)]
    return values.reduce((sum, [, value]) => sum + Number(value), 0)
  }

  #user(n: number): User {
    const user = this.users[n]
    if (!user) throw new Error(`There is no account ${n}.`)
    return user
  }

  async #admin(method: string, path: string): Promise<unknown> {
    return (await this.#ask(method, path)).json()
  }

  async #ask(method: string, path: string): Promise<Response> {
    const response = await fetch(`${this.#ops}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#adminToken}` }
    })
    if (!response.ok) throw new Error(`${method} ${path} was answered with ${response.status}.`)
    return response
  }

  async #until(isSo: () => Promise<boolean>): Promise<void> {
    const late = performance.now() + PATIENCE_MS
    while (!(await isSo())) {
      if (performance.now() > late) throw new Error('The gateway did not come to rest.')
      await sleep(POLL_MS)
    }
  }
}

/** Every limit is counted and none is reached. */
async function settingsIn(
  place: BenchPlace,
  { users, warmWorkers }: GatewayOptions
): Promise<Record<string, string>> {
  const directory = join(place.directory, `gateway-${randomBytes(3).toString('hex')}`)
  await mkdir(directory)
  writeKeyring(join(directory, 'secrets.json'), createKeyring())
  const port = await freePort()
  return {
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    PORT: String(port),
    OPS_PORT: String(await freePort()),
    ADMIN_TOKEN: randomBytes(24).toString('base64url'),
    GOOGLE_CLIENT_ID: 'bench',
    GOOGLE_CLIENT_SECRET: 'bench',
    GOOGLE_ISSUER_URL: 'http://127.0.0.1:9',
    GMAIL_API_URL: 'http://127.0.0.1:9',
    SECRETS_FILE: join(directory, 'secrets.json'),
    DATABASE_URL: `sqlite:${join(directory, 'gateway.sqlite')}`,
    RUN_DIR: join(directory, 'run'),
    WORKER_ENTRY: place.programs.worker,
    WORKER_IDLE: '1h',
    WORKER_MEMORY: '1GiB',
    WARM_WORKERS: String(warmWorkers),
    SESSIONS_PER_USER: '10000',
    CALLS_PER_USER: '1000',
    CALL_RATE: '100000',
    CALL_BURST: '100000',
    BENCH_USERS: String(users)
  }
}
