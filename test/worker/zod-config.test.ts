import '../../worker/zod-config.ts'
import t from 'tap'
import * as z from 'zod'

t.test('values that contain others of their kind are parsed whole', async (t) => {
  const Tree = z.object({
    name: z.string(),
    get children() {
      return z.array(Tree).optional()
    }
  })
  const leaf = { name: 'leaf' }
  const tree = { name: 'root', children: [{ name: 'branch', children: [leaf] }, leaf, leaf] }
  t.same(Tree.parse(tree), tree)
  t.equal(Tree.safeParse({ name: 'root', children: [{ name: 1 }] }).success, false)
  t.same(z.json().parse(JSON.parse('{"a":[{"a":[]}]}')), { a: [{ a: [] }] })
})
