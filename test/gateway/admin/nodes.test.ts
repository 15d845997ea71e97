import t from 'tap'
import * as z from 'zod'
import { openStore } from '../../../gateway/store/store.ts'
import {
  call,
  type Endpoint,
  messageOf,
  openSession,
  peopleOf,
  send
} from '../../helpers/mcp-http.ts'
import { startPeerGateways } from '../../helpers/peer-gateways.ts'
import { withoutPostgres } from '../../helpers/postgres.ts'
import { startGateway } from '../../helpers/start-gateway.ts'
import { becomes } from '../../helpers/until.ts'

const Row = z.looseObject({ node: z.string().nullable() })
const Lists = z.looseObject({
  calls: z.array(Row).optional(),
  workers: z.array(Row).optional(),
  sessions: z.array(Row).optional(),
  nodes: z.array(Row).optional(),
  users: z.array(z.looseObject({ worker: Row.nullable().optional() })).optional(),
  ended: z.array(Row).optional(),
  unreached: z.array(z.string()).optional()
})
const Entries = z.object({ entries: z.array(z.object({ action: z.string(), target: z.string() })) })

const nameOf = ({ config }: { config: { PEER_URL?: string | undefined } }): string =>
  new URL(config.PEER_URL ?? '').host

t.test('operators see and reach every gateway from each', { skip: withoutPostgres }, async (t) => {
  const [first, second] = await startPeerGateways(t, 2, { google: peopleOf(2) })
  if (!first || !second) throw new Error('two were asked for')
  const at = ({ url }: { url: string }, n: number): Endpoint => {
    return { url, token: first.users[n]?.token ?? '' }
  }
  const [here, there] = [nameOf(second), nameOf(first)]
  const list = async (what: string) =>
    Lists.parse((await second.admin('GET', `/admin/${what}`)).body)
  const session = await openSession(at(first, 0))
  await openSession(at(second, 1))
  const wait = () =>
    send(at(first, 0), { session, body: call('wait', { ms: 600_000, text: '' }) }).then(messageOf)
  const isUnderWay = () =>
    becomes(
      () => list('calls'),
      ({ calls }) => calls?.length === 1
    )

  t.test('what there is, and where', async (t) => {
    const waiting = wait()
    t.match(await isUnderWay(), { calls: [{ node: there, tool: 'wait' }] })
    t.match((await list(`calls?node=${here}`)).calls, [])
    t.match((await list(`calls?node=${there}`)).calls, [{ node: there }])
    t.match(
      (await list('workers')).workers?.map(({ node }) => node),
      [here, there]
    )
    const { sessions } = await list('sessions?state=live')
    t.same(new Set(sessions?.map(({ node }) => node)), new Set([here, there]))
    t.same((await list('sessions?state=hibernated')).sessions, [])
    t.match((await list(`sessions?limit=1`)).sessions?.length, 1)
    const { users } = await list('users')
    t.match(
      users?.map(({ worker, usage }) => ({ node: worker?.node, usage })),
      [
        { node: there, usage: { calls: Number } },
        { node: here, usage: { calls: Number } }
      ]
    )
    t.match((await list('top')).users?.length, 2)
    t.match(await list('nodes'), {
      nodes: [
        { node: here, isAsked: true, isReached: true, workers: 1 },
        { node: there, isAsked: false, isReached: true }
      ],
      unreached: undefined
    })

    const { ended } = Lists.parse((await second.admin('DELETE', '/admin/calls?tool=wait')).body)
    t.match(ended, [{ node: there, tool: 'wait' }])
    t.match(await waiting, { error: { data: { code: 'ERR_CALL_ENDED' } } })
    const { entries } = Entries.parse((await first.admin('GET', '/admin/audit')).body)
    t.same(
      entries.filter(({ action }) => action === 'kill_calls'),
      [{ action: 'kill_calls', target: 'tool=wait' }],
      'written down once'
    )
  })

  t.test('a worker, a session and a person of another one', async (t) => {
    const waiting = wait()
    await isUnderWay()
    const [worker] = (await list(`workers?node=${there}`)).workers ?? []
    t.match(await second.admin('GET', `/admin/workers/${worker?.id}`), {
      body: { node: there, inFlight: 1 }
    })
    const stopped = await second.admin('DELETE', `/admin/workers/${worker?.id}?mode=now`)
    t.match(stopped, { status: 200, body: { stopped: worker?.id, inFlight: [{ tool: 'wait' }] } })
    t.match(await waiting, { error: { data: { code: 'ERR_WORKER_GONE' } } })
    t.equal((await second.admin('DELETE', `/admin/workers/${worker?.id}`)).status, 404)

    const again = wait()
    await isUnderWay()
    const [mine] = (await list(`sessions?user=${first.users[0]?.sub}`)).sessions ?? []
    const ended = await second.admin('DELETE', `/admin/sessions/${mine?.handle}`)
    t.match(ended, { status: 200, body: { inFlight: [{ tool: 'wait' }] } })
    t.match(await again, { error: { data: { code: 'ERR_SESSION_UNKNOWN' } } })
  })

  t.test('one that is named', async (t) => {
    t.match(await second.admin('POST', `/admin/drain?node=${there}`), {
      body: { accepting: false }
    })
    t.equal((await fetch(`${first.opsUrl}/ready`)).status, 503)
    t.equal((await fetch(`${second.opsUrl}/ready`)).status, 200)
    t.match(await second.admin('POST', `/admin/undrain?node=${there}`), {
      body: { accepting: true }
    })
    t.match(await second.admin('GET', `/admin/config?node=${there}`), {
      body: { config: { PORT: first.config.PORT } }
    })
    t.match(await second.admin('GET', '/admin/workers?node=nobody'), {
      status: 404,
      body: { error: { message: 'There is no node nobody.' } }
    })
  })

  t.test('one that does not answer is named', async (t) => {
    const store = await openStore(first.config.DATABASE_URL)
    t.teardown(() => store.close())
    const gone = { id: 'gone', host: 'gone', port: 1, ops_port: 2, state: 'serving' } as const
    const load = { since: 0, peer_url: 'https://localhost:9', workers: 0, worker_limit: 1 }
    await store.db
      .insertInto('nodes')
      .values({ ...gone, ...load, expires_at: Date.now() + 600_000 })
      .execute()
    for (const what of ['calls', 'workers', 'sessions', 'users', 'top'])
      t.same((await list(what)).unreached, ['localhost:9'], what)
    t.match((await list('nodes')).nodes?.at(-1), { node: 'localhost:9', isReached: false })
    t.match(await second.admin('GET', '/admin/workers?node=localhost:9'), {
      status: 503,
      body: { error: { code: 'ERR_PEER_GONE' } }
    })
  })
})

t.test('a gateway that is alone is all there is', async (t) => {
  const gateway = await startGateway()
  t.teardown(() => gateway.close())
  const { body } = await gateway.admin('GET', '/admin/nodes')
  const { nodes } = Lists.parse(body)
  t.match(nodes, [{ isAsked: true, isReached: true }])
  t.match(await gateway.admin('GET', `/admin/workers?node=${nodes?.[0]?.node}`), { status: 200 })
  t.match(await gateway.admin('GET', '/admin/workers?node=another'), { status: 404 })
})
