import t from 'tap'
import * as z from 'zod'
import { startSandbox } from '../../../ops/sandbox/sandbox.ts'
import {
  call,
  type Endpoint,
  events,
  messageOf,
  modernCall,
  openSession,
  peopleOf,
  rawEvents,
  send,
  workersOf
} from '../../helpers/mcp-http.ts'
import { startPeerGateways } from '../../helpers/peer-gateways.ts'
import { withoutPostgres } from '../../helpers/postgres.ts'
import { becomes } from '../../helpers/until.ts'

const skip = withoutPostgres
const REVISION = { 'mcp-protocol-version': '2025-11-25' }

/** A call whose answer has begun: what loses its stream, and the headers with which a client comes back. */
async function beginWaiting(me: Endpoint, session: string, id: string) {
  const abort = new AbortController()
  const body = call('wait', { ms: 60_000, text: 'here' }, id)
  const response = await send(me, { session, body, headers: REVISION, signal: abort.signal })
  const { value: first = '' } = await rawEvents(response).next()
  const eventId = /^id: (\S+)$/m.exec(first)?.[1] ?? ''
  return { lose: () => abort.abort(), comeBack: { ...REVISION, 'last-event-id': eventId } }
}
const Sessions = z.object({ sessions: z.array(z.object({ handle: z.string() })) })

t.test('what one gateway changes counts on the other', { skip }, async (t) => {
  const [first, second] = await startPeerGateways(t, 2, { google: peopleOf(4) })
  if (!first || !second) throw new Error('two were asked for')
  const at = ({ url }: { url: string }, n: number): Endpoint => ({
    url,
    token: first.users[n]?.token ?? ''
  })

  t.test('who is blocked there has no worker here any more', async (t) => {
    await messageOf(await send(at(first, 0), modernCall('who')))
    t.equal((await workersOf(first)).length, 1)
    const { status } = await second.admin('POST', `/admin/users/${first.users[0]?.sub}/block`)
    t.equal(status, 200)
    t.ok(
      await becomes(
        () => workersOf(first),
        (workers) => workers.length === 0
      )
    )
  })

  t.test('the stream of a session that is ended there ends here', async (t) => {
    const session = await openSession(at(first, 1))
    const heard = events(await send(at(first, 1), { method: 'GET', session }))
    const listed = await second.admin('GET', `/admin/sessions?user=${first.users[1]?.sub}`)
    const [open] = Sessions.parse(listed.body).sessions
    await second.admin('DELETE', `/admin/sessions/${open?.handle}`)
    t.ok((await heard.next()).done)
  })

  t.test('a stream follows the worker to where a call has started it', async (t) => {
    const session = await openSession(at(first, 2))
    for (const { id } of await workersOf(first)) await first.admin('DELETE', `/admin/workers/${id}`)
    const parked = events(await send(at(second, 2), { method: 'GET', session }))
    t.same(await workersOf(second), [], 'nobody has a worker by listening')
    await messageOf(await send(at(first, 2), { body: call('who'), session }))
    t.ok((await parked.next()).done, 'the client is told to come again')
    const again = events(await send(at(second, 2), { method: 'GET', session }))
    await messageOf(await send(at(second, 2), { body: call('change'), session }))
    t.match((await again.next()).value, { method: 'notifications/tools/list_changed' })
    await again.return(undefined)
  })

  t.test('limits are counted where a person is served, wherever calls come in', async (t) => {
    const calls = Array.from({ length: 70 }, (_, n) =>
      send(at(n % 2 === 0 ? first : second, 3), modernCall('wait', { ms: 3000, text: '' }, n)).then(
        async (answer) => {
          await answer.text()
          return answer.status
        }
      )
    )
    const statuses = await Promise.all(calls)
    t.equal(statuses.filter((status) => status === 429).length, 70 - 64, 'CALLS_PER_USER is 64')
  })
})

t.test(
  'whoever has lost the stream of an answer comes back at any gateway',
  { skip },
  async (t) => {
    const [first, second] = await startPeerGateways(t, 2)
    if (!first || !second) throw new Error('two were asked for')
    const here: Endpoint = first
    const there: Endpoint = { url: second.url, token: first.token }
    const session = await openSession(here) // so the first one serves
    for (const [begin, comeBack] of [
      [here, there],
      [there, here],
      [there, there]
    ] as const) {
      const lost = await beginWaiting(begin, session, `at ${begin.url}`)
      lost.lose()
      const again = await send(comeBack, { method: 'GET', session, headers: lost.comeBack })
      await messageOf(await send(here, { session, body: call('release') }))
      t.match(await messageOf(again), { id: `at ${begin.url}`, result: {} })
      const twice = await send(comeBack, { method: 'GET', session, headers: lost.comeBack })
      t.match(await messageOf(twice), { error: { data: { code: 'ERR_ANSWER_GONE' } } })
    }
    const lost = await beginWaiting(here, session, 'left behind')
    lost.lose()
    await first.close()
    t.match(
      await messageOf(await send(there, { method: 'GET', session, headers: lost.comeBack })),
      { id: 'left behind', error: { data: { code: 'ERR_PEER_GONE' } } }
    )
  }
)

t.test('a link works at every gateway, once', { skip }, async (t) => {
  const google = await startSandbox({ users: [{ email: 'ada@sandbox.example', empty: true }] })
  t.teardown(() => google.close())
  const [first, second] = await startPeerGateways(t, 2, { google, settings: { WORKER_ENTRY: '' } })
  if (!first || !second) throw new Error('two were asked for')
  const { id: messageId } = google.mailbox('ada@sandbox.example').deliver({
    from: 'a@x.test',
    attachments: [{ filename: 'a.txt', mimeType: 'text/plain', content: 'what is attached' }]
  })
  const asked = modernCall('download_attachment', { messageId, partId: '1', delivery: 'link' })
  const { result } = await messageOf(await send(first, asked))
  const { url } = z.object({ url: z.url() }).parse(result?.structuredContent)
  const there = url.replace(first.origin, second.origin)
  const head = await fetch(there, { method: 'HEAD' })
  t.equal(head.status, 200)
  const response = await fetch(there)
  t.equal(await response.text(), 'what is attached')
  t.match(response.headers.get('content-disposition'), 'a.txt')
  t.equal(response.headers.get('cache-control'), 'no-store')
  t.equal((await fetch(url)).status, 404, 'and is used up at each')
  t.equal((await fetch(there)).status, 404)
  t.equal((await fetch(`${there.slice(0, -8)}notanode`)).status, 404)

  const content = 'what is to be sent'
  const slot = modernCall('create_attachment_upload', {
    filename: 'b.txt',
    mimeType: 'text/plain',
    size: content.length
  })
  const wanted = await messageOf(await send(first, slot))
  const { url: slotUrl } = z.object({ url: z.url() }).parse(wanted.result?.structuredContent)
  const put = await fetch(slotUrl.replace(first.origin, second.origin), {
    method: 'PUT',
    body: content
  })
  t.equal(put.status, 201, await put.text())
})
