import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import * as z from 'zod'

/** What a person can read of a message: all of it, one of the alternatives, or words (see `cpython.py`). */
export type TextTree = { all: TextTree[] } | { any: TextTree[] } | { words: string[] }
const TextTree: z.ZodType<TextTree> = z.lazy(() =>
  z.union([
    z.object({ all: z.array(TextTree) }),
    z.object({ any: z.array(TextTree) }),
    z.object({ words: z.array(z.string()) })
  ])
)

/** Addresses in lower case: those that both parsers of CPython find, and those that either does. */
const Addresses = z.object({ sure: z.array(z.string()), seen: z.array(z.string()) })

const Answer = z.union([
  z.object({ failed: z.string() }),
  z.object({
    text: TextTree,
    from: Addresses,
    reply: Addresses,
    others: Addresses,
    files: z.array(z.object({ name: z.string(), size: z.number(), sha256: z.string() }))
  })
])

/** What CPython says of a mail; `failed` when its parser gave up. */
export type Expected = z.infer<typeof Answer>

/** Asks CPython about mail files; undefined where there is no `python3`. */
export async function askCpython(paths: readonly string[]): Promise<Expected[] | undefined> {
  const script = fileURLToPath(new URL('cpython.py', import.meta.url))
  const python = spawn('python3', [script], { stdio: ['pipe', 'pipe', 'inherit'] })
  const isThere = await new Promise<boolean>((resolve) => {
    python.once('spawn', () => resolve(true))
    python.once('error', () => resolve(false))
  })
  if (!isThere) return undefined
  python.stdin.end(`${paths.join('\n')}\n`)
  const answers: Expected[] = []
  for await (const line of createInterface({ input: python.stdout }))
    answers.push(Answer.parse(JSON.parse(line)))
  if (answers.length !== paths.length) throw new Error('CPython did not answer for each file.')
  return answers
}
