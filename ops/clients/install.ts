import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runCommand } from './run-command.ts'

const PATIENCE_MS = 5 * 60_000

/**
 * Installs packages, given as `name@version`, in a directory of their own. npm is the only thing that fetches. What
 * is there already from an earlier run is kept. Gives the reason when npm fails.
 */
export async function install(
  directory: string,
  packages: readonly string[]
): Promise<string | undefined> {
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, 'package.json'), '{"private":true,"type":"module"}\n')
  const { code, output } = await runCommand({
    file: 'npm',
    args: ['install', '--no-audit', '--no-fund', '--save-exact', '--prefer-offline', ...packages],
    env: definedOnly(process.env),
    cwd: directory,
    patienceMs: PATIENCE_MS
  })
  return code === 0 ? undefined : (/npm error .*/.exec(output)?.[0] ?? 'npm did not end in time')
}

/** npm needs the settings of whoever runs this: registry, proxy, certificates. */
const definedOnly = (env: NodeJS.ProcessEnv): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).flatMap(([name, value]): [string, string][] =>
      value === undefined ? [] : [[name, value]]
    )
  )
