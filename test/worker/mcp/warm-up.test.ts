import t from 'tap'
import { warmUpMcp } from '../../../worker/mcp/warm-up.ts'

t.test('a worker plays a whole session with itself, as often as it likes', async (t) => {
  await t.resolves(warmUpMcp())
  await t.resolves(warmUpMcp())
})
