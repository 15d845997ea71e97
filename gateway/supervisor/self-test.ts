import { fileURLToPath } from 'node:url'
import * as z from 'zod'
import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import type { Launched, Launcher } from './launcher.ts'

/** What a worker that has fallen to an attacker could do, were there no restrictions inside Node. */
export const Findings = z.object({
  /** Its own program, which it needs. */
  readsProgram: z.boolean(),
  /** Memory, environment or open files of the gateway: tokens and keys of everybody. */
  readsGateway: z.boolean(),
  signalsGateway: z.boolean(),
  /** The same of another user's worker: that user's access token and mail. */
  readsSibling: z.boolean(),
  signalsSibling: z.boolean(),
  becomesRoot: z.boolean(),
  isRoot: z.boolean(),
  hasCapabilities: z.boolean(),
  mayGainPrivileges: z.boolean()
})
export type Findings = z.infer<typeof Findings>

export const PROBE_PROGRAM = fileURLToPath(new URL('./isolation-probe.ts', import.meta.url))
export interface SelfTestParts {
  readonly clock: Clock
  readonly gatewayPid: number
  /** What the worker's program consists of. */
  readonly files: readonly string[]
  /** Starts the probe program with these settings in a worker's cell. */
  readonly launcher: (env: Readonly<Record<string, string>>) => Launcher
}

const DEADLINE_MS = 10_000

/** Tries the walls with two probes, one upon the other. Rejects with ERR_WORKER_START when they cannot run. */
export async function selfTest(parts: SelfTestParts): Promise<Findings> {
  const first = probe(parts, [parts.gatewayPid])
  try {
    await first.findings
    const second = probe(parts, [parts.gatewayPid, first.launched.pid ?? 0])
    try {
      return await second.findings
    } finally {
      await end(second.launched)
    }
  } finally {
    await end(first.launched)
  }
}

function probe({ clock, files, launcher }: SelfTestParts, targets: readonly number[]) {
  const env = { PROBE_TARGETS: targets.join(','), PROBE_FILES: files.join(':') }
  const launched = launcher(env).launch()
  const cancel = clock.after(DEADLINE_MS, () => launched.kill('SIGKILL'))
  const findings = hear(launched).finally(cancel)
  return { launched, findings }
}

async function hear(launched: Launched): Promise<Findings> {
  const log = launched.channel.next('log')
  try {
    const [{ fields }] = await Promise.all([log, launched.ready])
    const findings = Findings.parse(fields)
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
