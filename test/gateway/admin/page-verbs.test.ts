import t from 'tap'
import * as verbs from '../../../gateway/admin/page/verbs.js'
import { VERBS } from '../../../gateway/admin/verbs/all.ts'

/** Each verb that the page asks for, with names that need encoding. */
const asked = {
  whoAmI: verbs.whoAmI(),
  listCalls: verbs.listCalls(),
  killCalls: verbs.killCalls({ call: 'a/b?c' }),
  listSessions: verbs.listSessions('a&b'),
  endSession: verbs.endSession('a/b?c'),
  listWorkers: verbs.listWorkers(),
  stopWorker: verbs.stopWorker('a/b?c', 'now'),
  recycleWorkers: verbs.recycleWorkers(),
  listUsers: verbs.listUsers('a&b'),
  getUser: verbs.getUser('a/b?c'),
  topUsers: verbs.topUsers(),
  endUserSessions: verbs.endUserSessions('a/b?c'),
  blockUser: verbs.blockUser('a/b?c'),
  unblockUser: verbs.unblockUser('a/b?c'),
  revokeClient: verbs.revokeClient('a/b?c', 'https://client.example/id?x'),
  revokeToken: verbs.revokeToken('a/b?c', 'd/e'),
  eraseUser: verbs.eraseUser('a/b?c'),
  listNodes: verbs.listNodes(),
  drain: verbs.drain(),
  undrain: verbs.undrain(),
  reload: verbs.reload(),
  listAudit: verbs.listAudit(),
  streamEvents: verbs.streamEvents()
} satisfies Record<keyof typeof verbs, unknown>

/** Paths that a route of Fastify's takes. */
const patternOf = (route: string): RegExp =>
  new RegExp(`^${route.replaceAll('.', '\\.').replaceAll(/:\w+/g, '[^/]+')}$`)

t.test('the operators’ page asks for verbs as the gateway has them', async (t) => {
  for (const [id, { method, path }] of Object.entries(asked)) {
    const verb = VERBS.find((one) => one.id === id)
    const { pathname, searchParams } = new URL(path, 'http://ops.example')
    t.equal(method, verb?.method, `${id}: ${method}`)
    t.match(pathname, patternOf(verb?.path ?? ''), `${id}: ${pathname}`)
    const query = verb?.query.safeParse(Object.fromEntries(searchParams))
    t.ok(query?.success, `${id}: ${query?.error?.message ?? searchParams}`)
  }
})

t.test('what names a call, or where a list goes on, arrives as it was', async (t) => {
  const queryOf = ({ path }: { path: string }) =>
    Object.fromEntries(new URL(path, 'http://ops.example').searchParams)
  t.same(queryOf(asked.killCalls), { call: 'a/b?c' })
  t.same(queryOf(verbs.killCalls({ olderThan: 1.5 })), { olderThan: '1.5' })
  t.same(queryOf(asked.listUsers), { limit: '500', cursor: 'a&b' })
  t.same(queryOf(verbs.listUsers()), { limit: '500' }, 'the first page has no cursor')
})

// What the page has in this list it offers: the check for dead code would name a verb that nothing uses.
t.test('the page offers each change that the API can make', async (t) => {
  const changes = VERBS.filter(({ method }) => method !== 'GET').map(({ id }) => id)
  t.same(
    changes.filter((id) => !(id in asked)),
    []
  )
})
