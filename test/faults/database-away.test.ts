import t from 'tap'
import * as z from 'zod'
import {
  call,
  type Endpoint,
  endpointOf,
  fixtureWorker,
  messageOf,
  openSession,
  peopleOf,
  send,
  textOf
} from '../helpers/mcp-http.ts'
import { type PostgresServer, startPostgres, withoutPostgres } from '../helpers/postgres.ts'
import { startGateway, type TestGateway } from '../helpers/start-gateway.ts'
import { becomes } from '../helpers/until.ts'

const Ready = z.object({ ready: z.boolean(), checks: z.object({ store: z.string() }) })

const ready = async (gateway: TestGateway) =>
  Ready.parse((await gateway.admin('GET', '/ready')).body)

const echo = async (me: Endpoint, session: string) =>
  textOf(await messageOf(await send(me, { session, body: call('echo', { text: 'hello' }) })))

t.test('a gateway over PostgreSQL', { skip: withoutPostgres }, async (t) => {
  const server: PostgresServer = await startPostgres(t)
  const databaseUrl = await server.newDatabase()
  const gateway = await startGateway({
    google: peopleOf(3),
    settings: { DATABASE_URL: databaseUrl, WORKER_ENTRY: fixtureWorker('tools') }
  })
  t.teardown(() => gateway.close())
  const [ann, ben, cem] = [0, 1, 2].map((n) => endpointOf(gateway, n))
  if (!ann || !ben || !cem) throw new Error('three people are connected')
  const session = await openSession(ann)

  t.test('serves as over SQLite', async (t) => {
    t.equal(await echo(ann, session), 'hello')
    t.match(await ready(gateway), { ready: true, checks: { store: 'ok' } })
    const other = await send(ben, { session, body: call('echo', { text: 'x' }) })
    t.equal(other.status, 404, 'a session is its owner’s alone')
    await other.text()
  })

  t.test('goes on for those whom it serves while the database is away', async (t) => {
    await server.kill()
    for (let n = 0; n < 5; n += 1) t.equal(await echo(ann, session), 'hello')
    const stranger = await send(cem, { body: call('echo', { text: 'x' }) })
    t.equal(stranger.status, 503, 'of others nothing is known')
    t.match(await stranger.text(), /cannot store anything now \(its database cannot be reached\)/)
    t.ok(Number(stranger.headers.get('retry-after')) > 0)
    const said = await becomes(
      () => ready(gateway),
      (one) => !one.ready && one.checks.store !== 'A write waits for a lock, or for the disk.'
    )
    t.match(said, { ready: false, checks: { store: /^The database cannot be reached/ } })
    t.match(await gateway.metrics(), /gmail_mcp_store_trouble\{kind="away"\} 1/)
  })

  t.test('comes back by itself, with its sessions', async (t) => {
    await server.start()
    const back = await becomes(
      () => ready(gateway),
      (one) => one.ready
    )
    t.match(back, { ready: true, checks: { store: 'ok' } })
    t.equal(await echo(ann, session), 'hello')
    const fresh = await openSession(cem)
    t.equal(await echo(cem, fresh), 'hello')
    t.match(await gateway.metrics(), /gmail_mcp_store_trouble\{kind="away"\} 0/)
  })

  t.test('waits for a database that is back within seconds', async (t) => {
    await server.kill()
    const opening = openSession(ben)
    await server.start()
    t.equal(await echo(ben, await opening), 'hello')
    t.equal(await echo(ann, session), 'hello')
  })

  t.test('a revocation counts at once, whatever was known before', async (t) => {
    const { body } = await gateway.admin('POST', `/admin/users/${ann.sub}/block`)
    t.match(body, { state: 'blocked' })
    const refused = await send(ann, { session, body: call('echo', { text: 'x' }) })
    t.equal(refused.status, 403)
    await refused.text()
    await server.kill()
    const still = await send(ann, { session, body: call('echo', { text: 'x' }) })
    t.equal(still.status, 503, 'nor is it forgotten while the database is away')
    await still.text()
    await server.start()
  })
})
