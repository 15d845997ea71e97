import type { LabClient, Run, Target } from '../client.ts'
import type { Home } from '../home.ts'
import { runCommand } from '../run-command.ts'

/** A client that does one thing for each command. */
export interface CommandLine {
  readonly name: string
  readonly packages: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Commands that come before and after all others. */
  readonly begin?: (home: Home, target: Target) => Promise<readonly string[] | undefined>
  readonly end?: (home: Home) => readonly string[]
  list(home: Home, target: Target): readonly string[]
  call(home: Home, target: Target, tool: string, args: object): readonly string[]
  readonly signIn: LabClient['signIn']
  readonly because?: LabClient['because']
}

const PATIENCE_MS = 60_000

/** A client whose answers are what it prints. */
export const commandLine = (client: CommandLine): LabClient => ({
  name: client.name,
  packages: client.packages,
  through: 'its output',
  signIn: client.signIn,
  ...(client.because && { because: client.because }),
  async run({ home }, target, calls): Promise<Run> {
    const printed: string[] = []
    const execute = async (command: readonly string[] | undefined): Promise<string> => {
      if (!command) return ''
      const [file = '', ...args] = command
      const { output, stdout } = await runCommand({
        file,
        args,
        cwd: home.work,
        env: { ...home.env, ...client.env },
        patienceMs: PATIENCE_MS
      })
      printed.push(output)
      return stdout.trim() || output.trim()
    }
    await execute(await client.begin?.(home, target))
    const listed = await execute(client.list(home, target))
    const given: string[] = []
    for (const { tool, args, before } of calls) {
      await before?.()
      given.push(await execute(client.call(home, target, tool, args)))
    }
    await execute(client.end?.(home))
    return {
      tools: toolNames(listed),
      given,
      whole: given.join('\n'),
      output: printed.join('\n')
    }
  }
})

/** Names of tools in whatever form a command prints a list. */
const toolNames = (printed: string): string[] => [
  ...new Set(
    [...printed.matchAll(/"name":\s*"([a-z]+(?:_[a-z]+)+)"/g)].map(([, name]) => name ?? '')
  )
]
