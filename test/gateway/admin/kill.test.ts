import t from 'tap'
import * as z from 'zod'
import {
  call,
  endpointOf,
  fixtureWorker,
  messageOf,
  modernCall,
  openSession,
  type Person,
  peopleOf,
  send,
  textOf,
  until,
  workersOf
} from '../../helpers/mcp-http.ts'
import { isAlive } from '../../helpers/processes.ts'
import { startGateway } from '../../helpers/start-gateway.ts'

const Calls = z.object({
  calls: z.array(
    z.object({
      call: z.string(),
      userId: z.string(),
      tool: z.string().nullable(),
      session: z.string().nullable(),
      worker: z.string()
    })
  )
})
const Ended = z.object({ ended: z.array(z.object({ userId: z.string() })) })

t.test('calls are ended by whatever names them, and no others', async (t) => {
  const settings = { WORKER_ENTRY: fixtureWorker('tools') }
  const gateway = await startGateway({ settings, google: peopleOf(2) })
  t.teardown(() => gateway.close())
  const [ann, ben] = [endpointOf(gateway, 0), endpointOf(gateway, 1)]
  const calls = async () => Calls.parse((await gateway.admin('GET', '/admin/calls')).body).calls
  const sessions = new Map([
    [ann, await openSession(ann, 'claude-code')],
    [ben, await openSession(ben, 'cursor')]
  ])
  // MCP 2025-11-25, Requests: an id is used once in a session; a cancellation that comes late would mean the next call.
  const hang = (person: Person, id: string) =>
    send(person, {
      session: sessions.get(person),
      body: call('wait', { ms: 600_000, text: '' }, id)
    }).then(messageOf)

  const seen = async (person: Person) => {
    const asked = await send(person, { session: sessions.get(person), body: call('seen') })
    return textOf(await messageOf(asked))
  }
  /** The gateway knows of a call before its worker does: what is ended in between never begins. */
  const begins = async (person: Person, count: number) => {
    await until(async () => JSON.parse((await seen(person)) ?? '').started === count)
    await until(async () => (await calls()).every(({ tool }) => tool === 'wait'))
  }

  const waiting = hang(ben, 'never meant')
  await begins(ben, 1)
  for (const [n, by] of [
    'call',
    'session',
    'worker',
    'user',
    'address',
    'client',
    'client and age',
    'tool and user'
  ].entries()) {
    const mine = hang(ann, by)
    await begins(ann, n + 1)
    const found = (await calls()).find(({ userId }) => userId === ann.sub)
    const query = {
      call: `call=${found?.call}`,
      session: `session=${found?.session}`,
      worker: `worker=${found?.worker}`,
      user: `user=${ann.sub}`,
      address: 'user=Person0%40example.com',
      client: 'client=claude-code',
      'client and age': 'client=claude-code&olderThan=0.001',
      'tool and user': `tool=wait&user=${ann.sub}`
    }[by]
    const { status, body } = await gateway.admin('DELETE', `/admin/calls?${query}`)
    t.same([status, Ended.parse(body)], [200, { ended: [{ userId: ann.sub }] }], by)
    t.match(await mine, { id: by, error: { message: 'An operator ended this call.' } }, by)
    t.same(
      (await gateway.admin('DELETE', `/admin/calls?${query}`)).body,
      { ended: [] },
      'twice is once'
    )
    t.match(await calls(), [{ userId: ben.sub }])
  }
  // `olderThan=$SECONDS` of a script that has not set it: as a number, an empty text is 0, which would be everybody's.
  for (const query of ['olderThan=', 'olderThan=%20', `tool=wait&olderThan=`, 'user='])
    t.match(await gateway.admin('DELETE', `/admin/calls?${query}`), {
      status: 400,
      body: { error: { code: 'ERR_BAD_REQUEST', message: /(olderThan|user) is empty/ } }
    })
  t.match(await calls(), [{ userId: ben.sub }])
  const { body } = await gateway.admin('DELETE', '/admin/calls?olderThan=0.01')
  t.match(body, { ended: [{ userId: ben.sub, clientName: 'cursor' }] }, 'by age alone')
  t.match(await waiting, { error: { message: /operator ended/ } })

  // MCP 2025-11-25, Cancellation: a connection that ends cancels nothing by itself, so a tool would run on, and send.
  for (const [person, aborted] of [
    [ann, 8],
    [ben, 1]
  ] as const)
    await until(async () => (await seen(person)) === allAborted(aborted))
})

/** What the fixture says of calls of `wait` when this many began, none ended by itself, and none goes on. */
const allAborted = (aborted: number): string =>
  JSON.stringify({ started: aborted, finished: 0, aborted, waiting: 0 })

t.test('who is ended is gone when the answer comes', async (t) => {
  const settings = { WORKER_ENTRY: fixtureWorker('tools') }
  const gateway = await startGateway({ settings, google: peopleOf(3) })
  t.teardown(() => gateway.close())
  const pidOf = async ({ sub }: Person) => {
    const worker = (await workersOf(gateway)).find(({ userId }) => userId === sub)
    if (!worker) throw new Error('there is no worker')
    return worker
  }
  const [ann, ben, cem] = [0, 1, 2].map((n) => endpointOf(gateway, n))
  if (!ann || !ben || !cem) throw new Error('three people were made')
  for (const person of [ann, ben, cem]) await (await send(person, modernCall('who'))).text()
  const [first, second, third] = [await pidOf(ann), await pidOf(ben), await pidOf(cem)]
  await gateway.admin('DELETE', `/admin/workers/${first.id}?mode=now`)
  t.notOk(isAlive(first.pid), 'a worker')
  await gateway.admin('POST', `/admin/users/${ben.sub}/block`)
  t.notOk(isAlive(second.pid), 'the worker of somebody who is blocked')
  await gateway.admin('DELETE', `/admin/users/${cem.sub}`)
  t.notOk(isAlive(third.pid), 'the worker of somebody who is erased')
})

// A person may have more sessions than one page of them, and the metric says who ended them.
t.test('all sessions of a person are ended, and counted as the operator’s doing', async (t) => {
  const settings = { WORKER_ENTRY: fixtureWorker('tools') }
  const gateway = await startGateway({ settings, google: peopleOf(1) })
  t.teardown(() => gateway.close())
  const ann = endpointOf(gateway, 0)
  const ids = [await openSession(ann), await openSession(ann), await openSession(ann)]
  const { body } = await gateway.admin('DELETE', `/admin/users/${ann.sub}/sessions`)
  t.match(body, { ended: [/^s-/, /^s-/, /^s-/] })
  for (const session of ids) t.equal((await send(ann, { session, body: call('who') })).status, 404)
  t.match(await gateway.metrics(), /^gmail_mcp_sessions_ended_total\{reason="admin"\} 3$/m)
  t.same((await gateway.admin('DELETE', `/admin/users/${ann.sub}/sessions`)).body, { ended: [] })
})
