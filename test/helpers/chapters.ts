import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'

/** The shell commands of a document: the blocks marked `sh` of each chapter, by its heading. */
export function chaptersOf(path: string): ReadonlyMap<string, readonly string[]> {
  const parts = readFileSync(path, 'utf8').split(/^#+ (.+)$/m)
  const chapters = new Map<string, readonly string[]>()
  for (let n = 1; n < parts.length; n += 2) {
    const blocks = [...(parts[n + 1] ?? '').matchAll(/^```sh\n(.*?)^```/gms)]
    chapters.set(
      parts[n] ?? '',
      blocks.map(([, text = '']) => text)
    )
  }
  return chapters
}

/** `words` in the place of others; throws for one that the text has not, so that none goes stale. */
export function reworded(text: string, words: Readonly<Record<string, string>>): string {
  return Object.entries(words).reduce((done, [from, to]) => {
    if (!done.includes(from)) throw new Error(`the document does not say ${from}`)
    return done.replaceAll(from, to)
  }, text)
}

/**
 * Runs commands in bash as somebody who pastes them, and stops at the first that fails. What is left in the background
 * stays in the process group `pid`.
 */
export async function pasted(commands: string, env: Readonly<Record<string, string>>) {
  const { PATH = '', HOME = '/tmp' } = process.env
  const child = spawn('bash', ['-euo', 'pipefail', '-c', commands], {
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')))
  const [status] = await once(child, 'close')
  return { status, output, pid: child.pid ?? 0 }
}
