import t from 'tap'
import { rehearse } from '../../../worker/mcp/warm-up.ts'

t.test('a worker plays a whole session with itself, as often as it likes', async (t) => {
  await t.resolves(rehearse())
  await t.resolves(rehearse())
})
