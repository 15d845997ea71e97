import { once } from 'node:events'
import { createServer } from 'node:net'
import * as z from 'zod'
import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import { moduleFile } from '#shared/module-file.ts'
import type { Launched, Launcher } from './launcher.ts'

/** What a worker that has fallen to an attacker could do, were there no restrictions inside Node. */
export const Findings = z.object({
  /** Its own program, which it needs. */
  readsProgram: z.boolean(),
  /** SECRETS_FILE, Google's client, the admin token: everybody's everything. */
  readsKeys: z.boolean(),
  readsDatabase: z.boolean(),
  writesDatabase: z.boolean(),
  /** The gateway's directories. */
  listsPlaces: z.boolean(),
  writesPlaces: z.boolean(),
  /** A socket with a name in one of them. */
  connectsToNames: z.boolean(),
  /** A port of this machine, and so any other address. */
  connects: z.boolean(),
  /** Beside the gateway. */
  listens: z.boolean(),
  /** Memory, environment or open files of the gateway: tokens and keys of everybody. */
  readsGateway: z.boolean(),
  signalsGateway: z.boolean(),
  renicesGateway: z.boolean(),
  tracesGateway: z.boolean(),
  /** The same of another user's worker: that user's access token and mail. */
  readsSibling: z.boolean(),
  signalsSibling: z.boolean(),
  renicesSibling: z.boolean(),
  tracesSibling: z.boolean(),
  /** Of the gateway or of a sibling; there is no secret in them. */
  readsCommandLines: z.boolean(),
  /** One that others use as well. */
  fillsDisk: z.boolean(),
  makesSetuid: z.boolean(),
  becomesRoot: z.boolean(),
  isRoot: z.boolean(),
  hasCapabilities: z.boolean(),
  mayGainPrivileges: z.boolean(),
  /** What is no message was taken for one, or not noticed. */
  confusesGateway: z.boolean()
})
export type Findings = z.infer<typeof Findings>

export const PROBE_PROGRAM = moduleFile('./isolation-probe', import.meta.url)

/** What is worth stealing, as paths, and what is not for workers. */
export interface Assets {
  readonly keys: readonly string[]
  readonly databases: readonly string[]
  readonly directories: readonly string[]
  /** Where the gateway listens, or will. */
  readonly doors: readonly { readonly host: string; readonly port: number }[]
}

export interface SelfTestParts {
  readonly clock: Clock
  readonly gatewayPid: number
  /** What the worker's program consists of. */
  readonly files: readonly string[]
  readonly assets: Assets
  /** Starts the probe program with these settings in a worker's place. */
  readonly launcher: (env: Readonly<Record<string, string>>) => Launcher
}

const DEADLINE_MS = 10_000
const Told = Findings.omit({ confusesGateway: true })

/** Tries the walls with two probes, one upon the other. Rejects with ERR_WORKER_START when they cannot run. */
export async function selfTest(parts: SelfTestParts): Promise<Findings> {
  const server = createServer((socket) => socket.on('error', () => {}).destroy())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  try {
    return await tryWith(parts, port)
  } finally {
    server.close()
  }
}

async function tryWith(parts: SelfTestParts, port: number | undefined): Promise<Findings> {
  const first = probe(parts, { port })
  try {
    await first.findings
    const second = probe(parts, { port, sibling: first.launched.pid, rubbish: true })
    try {
      const findings = await second.findings
      first.launched.channel.send({ type: 'drain' })
      const ends = await Promise.all([first.launched.gone, second.launched.gone])
      return { ...findings, confusesGateway: ends.some(({ offence }) => offence === undefined) }
    } finally {
      await end(second.launched)
    }
  } finally {
    await end(first.launched)
  }
}

function probe({ clock, files, launcher, assets, gatewayPid }: SelfTestParts, more: object) {
  const settings = { gateway: gatewayPid, program: files, ...assets, ...more }
  const launched = launcher({ PROBE_SETTINGS: JSON.stringify(settings) }).launch()
  const cancel = clock.after(DEADLINE_MS, () => launched.kill('SIGKILL'))
  const findings = hear(launched)
  void launched.gone.then(cancel)
  return { launched, findings }
}

async function hear(launched: Launched): Promise<z.infer<typeof Told>> {
  const log = launched.channel.next('log')
  try {
    const [{ fields }] = await Promise.all([log, launched.ready])
    const findings = Told.parse(fields)
    if (!findings.readsProgram) throw new Error('Its user may not read the worker’s program.')
    return findings
  } catch (cause) {
    throw new GatewayError(
      'ERR_WORKER_START',
      `A probe could not be started: ${launched.diagnose().trim() || messageOf(cause)}`,
      { cause }
    )
  }
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)

async function end(launched: Launched): Promise<void> {
  launched.kill('SIGKILL')
  await launched.gone
}
