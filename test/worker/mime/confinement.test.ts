import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const file = (name: string): string => `${root}${name}`

t.test('the thread that reads mail may read no more files than its process', async (t) => {
  const read = (thread: string): string =>
    execFileSync(
      'env', // tap puts its loader into the environment of every child
      [
        '-u',
        'NODE_OPTIONS',
        process.execPath,
        '--permission',
        `--allow-fs-read=${root}`,
        '--allow-worker',
        file('test/fixtures/mime/confined.ts'),
        file(thread)
      ],
      { stdio: ['ignore', 'pipe', 'ignore'] }
    )
      .toString()
      .trim()
  t.equal(read('worker/mime/html-tasks.ts'), 'Hello')
  t.equal(read('test/fixtures/mime/reads-outside.ts'), 'refused')
})
