import type { LabClient, Place, Run, Target } from '../client.ts'
import type { Home } from '../home.ts'
import { runCommand } from '../run-command.ts'
import { type SignInCommand, signInBy } from '../sign-in.ts'

/** A client with a model of its own choice, run once without a person at it. */
export interface Agent {
  readonly name: string
  readonly packages: readonly string[]
  /** Writes its settings: the gateway as a server called `gmail`, and the stand-in as its model. */
  configure(home: Home, target: Target, model: string): Promise<void>
  /** The command that gives it a prompt and ends after the answer. */
  command(home: Home, prompt: string): readonly string[]
  env(model: string, home: Home): Readonly<Record<string, string>>
  /** How it begins a sign-in, after its settings were written; or why that needs people. */
  readonly signIn: string | ((home: Home) => SignInCommand)
  readonly because?: LabClient['because']
}

const PATIENCE_MS = 150_000
/** The model does what the script says, whatever it is asked. */
const PROMPT = 'Please look after my mail.'

/** A client that gets its tools' answers through a model. */
export const agent = ({ configure, command, env, signIn, ...client }: Agent): LabClient => ({
  ...client,
  through: 'its model',
  signIn:
    typeof signIn === 'string'
      ? signIn
      : async (place, target, person) => {
          const { home, model } = place
          await configure(home, target, model.url)
          const begin = signIn(home)
          await signInBy(place, person, {
            ...begin,
            env: { ...env(model.url, home), ...begin.env }
          })
        },
  async run({ home, model }: Place, target, calls): Promise<Run> {
    await configure(home, target, model.url)
    model.play(calls)
    const [file = '', ...args] = command(home, PROMPT)
    const { output } = await runCommand({
      file,
      args,
      cwd: home.work,
      env: { ...home.env, ...env(model.url, home) },
      patienceMs: PATIENCE_MS
    })
    const { tools, given, lastBody } = model.conversation()
    return {
      tools,
      given: given.map((result) => JSON.stringify(result)),
      whole: JSON.stringify(lastBody) ?? '',
      output
    }
  }
})
