import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import * as z from 'zod'

/** The frozen requirement sets, one for each protocol era. */
export type Revision = '2025-11-25' | '2026-07-28'

/** One line of the suite's verdict. INFO and SKIPPED say nothing about conformance. */
export interface Check {
  scenario: string
  id: string
  status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO'
  errorMessage?: string | undefined
}

export interface SuiteRun {
  /**
   * 0 when every required scenario did as the baseline says; there a warning counts as a failure.
   * Null when the suite did not come to its end in time.
   */
  exitCode: number | null
  /** Of the required scenarios and of those that the suite runs without scoring. */
  checks: Check[]
  output: string
}

/**
 * Runs the official suite's command against the MCP endpoint `url`, as its users do. `baseline` is a YAML
 * file of expected failures; `directory` takes its results and must be empty.
 */
export async function runSuite(
  url: string,
  revision: Revision,
  baseline: string,
  directory: string
): Promise<SuiteRun> {
  const options = { url, requirements: revision, 'expected-failures': baseline, 'output-dir': '.' }
  const child = spawn(
    process.execPath,
    [
      COMMAND,
      'server',
      ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
    ],
    // Without tap's NODE_OPTIONS, which would load tap into the suite.
    {
      cwd: directory,
      env: { PATH: process.env.PATH },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TIMEOUT_MS
    }
  )
  const [output, errors, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close')
  ])
  return { exitCode, checks: await readChecks(directory), output: output + errors }
}

/** It takes about eight seconds; below the time that tap gives a test file, so that no child is left. */
const TIMEOUT_MS = 50_000

const COMMAND = fileURLToPath(
  import.meta.resolve('@modelcontextprotocol/conformance/dist/index.js')
)

const Checks = z.array(
  z.object({
    id: z.string(),
    status: z.enum(['SUCCESS', 'FAILURE', 'WARNING', 'SKIPPED', 'INFO']),
    errorMessage: z.string().optional()
  })
)

/** The suite leaves a directory `server-<scenario>-<time>` for each scenario. */
async function readChecks(directory: string): Promise<Check[]> {
  const all: Check[] = []
  for (const entry of await readdir(directory)) {
    const scenario = /^server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z$/.exec(entry)?.[1]
    if (scenario === undefined) continue
    const json = await readFile(join(directory, entry, 'checks.json'), 'utf8')
    all.push(...Checks.parse(JSON.parse(json)).map((check) => ({ scenario, ...check })))
  }
  return all
}
