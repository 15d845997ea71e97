import t from 'tap'
import { startSandbox } from '../../ops/sandbox/sandbox.ts'
import { startGateway } from '../helpers/start-gateway.ts'
import { openToolClient } from '../helpers/tool-client.ts'

const [ADA, BEN] = ['ada@sandbox.example', 'ben@sandbox.example']

t.test('what a person has spent counts for their next worker, and for nobody else', async (t) => {
  const google = await startSandbox({
    users: [ADA, BEN].map((email) => ({ email, empty: true }))
  })
  const gateway = await startGateway({ google, settings: { GMAIL_UNITS: '240' } })
  t.teardown(async () => {
    await gateway.close()
    await google.close()
  })
  for (const email of [ADA, BEN])
    for (let n = 0; n < 10; n += 1)
      google.mailbox(email).deliver({ from: 'bo@out.test', subject: `Tea ${n}`, text: 'x' })
  const [ada, ben] = await Promise.all(
    gateway.users.map(({ token }) => openToolClient(t, gateway.url, { token }))
  )
  const search = { query: 'subject:Tea' }
  t.notOk((await ada!.call('search_emails', search)).isError)
  const { body } = await gateway.admin('GET', '/admin/workers')
  const workers = (body as { workers: { id: string; userId: string | null }[] }).workers
  const hers = workers.find(({ userId }) => userId === gateway.users[0]?.sub)
  t.equal((await gateway.admin('DELETE', `/admin/workers/${hers?.id}`)).status < 300, true)
  const refused = await ada!.call('search_emails', search)
  t.match(refused, { isError: true, text: /^rate_limited: .*Google's quota/ })
  t.ok(Number(refused.data.retryAfterMs) > 0, 'and when')
  t.notOk((await ben!.call('search_emails', search)).isError)
})
