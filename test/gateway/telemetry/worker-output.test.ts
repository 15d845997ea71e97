import t from 'tap'
import { workerOutput } from '../../../gateway/telemetry/worker-output.ts'

t.test(
  'what a worker wants logged is cut, and cannot be taken for what the gateway says',
  async (t) => {
    const fields = {
      worker: 'w-of-another',
      level: 'fatal',
      nested: { secret: 'x' },
      long: 'y'.repeat(10_000),
      lines: 'one\n{"msg":"forged"}\u001b[31m'
    }
    const said = workerOutput(`begin\nfake line ${'x'.repeat(10_000)}`, fields)
    t.ok(JSON.stringify(said).length < 1500)
    t.same(
      Object.keys(said),
      ['message', 'fields'],
      'below one field, so no name of the gateway’s is touched'
    )
    t.notMatch(JSON.stringify(said), /\\n|\\u001b|nested/)
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`f${n}`, n]))
    t.equal(Object.keys(workerOutput('x', many).fields ?? {}).length, 8)
  }
)
