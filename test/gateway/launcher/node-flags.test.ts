import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { nodeFlags } from '../../../gateway/launcher/node-flags.ts'

const PROGRAM = fileURLToPath(
  new URL('../../fixtures/workers/tries-everything.ts', import.meta.url)
)

/** What the program could do; without what tap puts into the environment of every child. */
const tried = (flags: readonly string[]): string[] =>
  JSON.parse(
    execFileSync('env', ['-i', process.execPath, ...flags, PROGRAM], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore']
    })
  )

t.test('a worker’s program may read itself, and do nothing else to the machine', async (t) => {
  t.same(tried(nodeFlags({ readable: [PROGRAM], heapMebibytes: 96 })), ['read its own program'])
})
