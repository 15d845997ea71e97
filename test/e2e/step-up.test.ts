import t from 'tap'
import { startSandbox } from '../../ops/sandbox/sandbox.ts'
import { Browser } from '../helpers/browser.ts'
import { call, endpointOf, modernCall, openSession, send } from '../helpers/mcp-http.ts'
import { OAuthClient, signInClient } from '../helpers/sign-in.ts'
import { startGateway } from '../helpers/start-gateway.ts'

const ADA = 'ada@sandbox.example'
const MAIL = { to: [ADA], subject: 'Hello', body: 'Good morning.' }

t.test('a token that may only read is told what sending needs, and steps up to it', async (t) => {
  const google = await startSandbox({ users: [{ email: ADA, empty: true }] })
  const gateway = await startGateway({ google, connected: false })
  t.teardown(async () => {
    await gateway.close()
    await google.close()
  })
  const client = await OAuthClient.register(gateway.origin)
  const signIn = async (scope: string) => {
    const answer = await signInClient(new Browser(), client, { email: ADA }, { scope })
    return { url: gateway.url, token: answer.access_token }
  }

  const reader = await signIn('gmail.read')
  const session = await openSession(reader)
  const asks = {
    'in a session': send(reader, { session, body: call('send_email', MAIL) }),
    'without one': send(reader, { body: call('send_email', MAIL) }),
    'of 2026-07-28': send(reader, modernCall('send_email', MAIL))
  }
  for (const [way, asked] of Object.entries(asks)) {
    const one = await asked
    t.equal(one.status, 403, way)
    const challenge = one.headers.get('www-authenticate') ?? ''
    t.match(challenge, /error="insufficient_scope"/, way)
    t.match(challenge, /scope="gmail\.modify"/, way)
    t.match(challenge, /error_description="send_email needs access level gmail\.modify/, way)
    t.match(
      await one.json(),
      {
        jsonrpc: '2.0',
        id: 1,
        error: {
          message: /^insufficient_scope: send_email needs .* has gmail\.read\. .*\/account\.$/,
          data: { required: ['gmail.modify'], held: 'gmail.read' }
        }
      },
      'and so for clients that show the body alone'
    )
    t.match(challenge, `${gateway.origin}/.well-known/oauth-protected-resource/mcp`, way)
  }
  t.same(google.mailbox(ADA).messages, [], 'nothing was sent')

  const writer = await signIn('gmail.read gmail.modify')
  const sent = await send(writer, { session, body: call('send_email', MAIL) })
  t.equal(sent.status, 200, 'the same session goes on with the new token')
  t.notMatch(await sent.text(), '"isError":true')
  t.ok(google.mailbox(ADA).bySubject('Hello'), 'and the mail is sent')
})

t.test('a personal token that may write drafts may not send them', async (t) => {
  const google = await startSandbox({ users: [{ email: ADA, empty: true }] })
  const gateway = await startGateway({ google, level: 'gmail.draft' })
  t.teardown(async () => {
    await gateway.close()
    await google.close()
  })
  const drafter = endpointOf(gateway, 0)
  const drafted = await send(drafter, { body: call('draft_email', MAIL) })
  t.equal(drafted.status, 200)
  t.equal((await send(drafter, { body: call('send_email', MAIL) })).status, 403)
})
