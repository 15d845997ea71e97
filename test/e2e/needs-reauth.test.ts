import t from 'tap'
import { startSandbox } from '../../ops/sandbox/sandbox.ts'
import { call, endpointOf, messageOf, send, until, workersOf } from '../helpers/mcp-http.ts'
import { startGateway } from '../helpers/start-gateway.ts'

const ADA = 'ada@sandbox.example'

t.test('when Google ends a grant, tools say so with a link, and the worker ends', async (t) => {
  const google = await startSandbox({ users: [{ email: ADA }] })
  const gateway = await startGateway({ google })
  t.teardown(async () => {
    await gateway.close()
    await google.close()
  })
  const ada = endpointOf(gateway, 0)
  const profile = async () =>
    (await messageOf(await send(ada, { body: call('get_profile') })))?.result as {
      isError?: boolean
      structuredContent: Record<string, string>
    }
  google.revokeGrants(ADA)
  const refused = await profile()
  t.match(refused, { isError: true, structuredContent: { code: 'needs_reauth' } })
  t.match(refused.structuredContent.message, `${gateway.origin}/account`)
  await until(async () => (await workersOf(gateway)).length === 0)

  const again = await profile()
  t.match(
    again,
    { isError: true, structuredContent: { code: 'needs_reauth' } },
    'and keep saying so'
  )
})
