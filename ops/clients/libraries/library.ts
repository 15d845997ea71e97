import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import * as z from 'zod'
import type { LabClient, Run } from '../client.ts'
import { endGroup } from '../run-command.ts'

const PATIENCE_MS = 60_000
const RUNNER = fileURLToPath(new URL('runner.ts', import.meta.url))
const APPLICATION =
  'a library: the browser, the redirect and the store of tokens are the application that uses it'

const Reply = z.object({ tools: z.array(z.string()).optional(), given: z.string().optional() })

export interface Library {
  readonly name: string
  readonly packages: readonly string[]
  /** The file beside this one that uses the library. */
  readonly because?: LabClient['because']
  readonly adapter: 'ai-sdk' | 'langchain' | 'mastra' | 'openai-agents'
}

/** A library for programs: what its call gives back is what a program hands to the model. */
export const library = ({ adapter, ...client }: Library): LabClient => ({
  ...client,
  through: 'its result',
  signIn: APPLICATION,
  async run({ home }, target, calls): Promise<Run> {
    const child = spawn(process.execPath, [RUNNER, adapter, target.url, target.token ?? ''], {
      cwd: home.packages,
      env: home.env,
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true
    })
    let output = ''
    child.stdin.on('error', () => {}) // it may end without reading
    child.stderr.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8')
    })
    const gone = once(child, 'exit')
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const late = setTimeout(() => endGroup(child.pid, 'SIGKILL'), PATIENCE_MS * 2)
    const given: string[] = []
    let tools: string[] = []
    const next = async () => {
      const { value, done } = await lines.next()
      return done ? undefined : Reply.parse(JSON.parse(value))
    }
    try {
      tools = (await next())?.tools ?? []
      for (const { tool, args, before } of calls) {
        await before?.()
        child.stdin.write(`${JSON.stringify({ tool, args })}\n`)
        const reply = await next()
        if (!reply) break
        given.push(reply.given ?? '')
      }
    } finally {
      child.stdin.end()
      const end = setTimeout(() => endGroup(child.pid, 'SIGKILL'), 5000)
      await gone
      clearTimeout(end)
      clearTimeout(late)
    }
    return { tools, given, whole: given.join('\n'), output }
  }
})
