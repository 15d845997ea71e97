import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { CopyStep, Stage } from './dockerfile.ts'

/**
 * Carries out the steps of every stage, each in a directory of its own below `base`, and returns the last
 * stage's. Steps that change the image's system are told to `skipped` instead. Throws when a step fails.
 */
export function buildStages(
  stages: readonly Stage[],
  { base, repository, skipped }: Places & { skipped: (command: string) => void }
): string {
  for (const stage of stages) {
    mkdirSync(join(base, stage.name), { mode: 0o755 })
    for (const step of stage.steps) {
      if (step.kind === 'copy') copy(step, stage, stages, { base, repository })
      else if (step.isOfTheSystem) skipped(step.command)
      else run(step.command, join(base, stage.name))
    }
  }
  return join(base, stages.at(-1)?.name ?? '')
}

interface Places {
  readonly base: string
  readonly repository: string
}

function copy(step: CopyStep, stage: Stage, stages: readonly Stage[], places: Places): void {
  const other = stages.find(({ name }) => name === step.from)
  for (const source of step.sources) {
    const from = other
      ? join(places.base, other.name, source.slice(other.directory.length))
      : join(places.repository, source)
    // As COPY does: a target with a slash at its end is a directory to put files in.
    const target = step.target.endsWith('/') ? join(step.target, basename(source)) : step.target
    cpSync(from, join(places.base, stage.name, target), { recursive: true })
  }
}

function run(command: string, cwd: string): void {
  const { status } = spawnSync('sh', ['-c', command], {
    cwd,
    stdio: ['ignore', 'ignore', 'inherit']
  })
  if (status !== 0) throw new Error(`${command} ended with ${String(status)}.`)
}
