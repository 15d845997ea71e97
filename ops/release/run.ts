import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(execFile)
const MOST_BYTES = 64 * 1024 * 1024

/** Runs a program to its end and resolves with what it printed; rejects with what it complained of. */
export async function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = process.env
): Promise<string> {
  try {
    const { stdout } = await execute(command, [...args], { cwd, env, maxBuffer: MOST_BYTES })
    return stdout
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
    throw new Error(`${command} ${args.join(' ')} failed${said ? `:\n${said}` : '.'}`, {
      cause: error
    })
  }
}
