import { fileURLToPath } from 'node:url'
import * as z from 'zod'
import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import type { Launched, Launcher } from './launcher.ts'

/** What a worker that has fallen to an attacker could do, were there no restrictions inside Node. */
export const Findings = z.object({
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
/** The name of the probe's one setting: the pids to try on. */
export const PROBE_TARGETS = 'PROBE_TARGETS'

export interface SelfTestParts {
  readonly clock: Clock
  readonly gatewayPid: number
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

function probe({ clock, launcher }: SelfTestParts, targets: readonly number[]) {
  const launched = launcher({ [PROBE_TARGETS]: targets.join(',') }).launch()
  const cancel = clock.after(DEADLINE_MS, () => launched.kill('SIGKILL'))
  const findings = hear(launched).finally(cancel)
  return { launched, findings }
}

async function hear(launched: Launched): Promise<Findings> {
  const log = launched.channel.next('log')
  try {
    const [{ fields }] = await Promise.all([log, launched.ready])
    return Findings.parse(fields)
  } catch (cause) {
    throw new GatewayError(
      'ERR_WORKER_START',
      `A worker cannot be started here: ${launched.diagnose().trim() || 'it said nothing'}`,
      { cause }
    )
  }
}

async function end(launched: Launched): Promise<void> {
  launched.kill('SIGKILL')
  await launched.gone
}
