import t from 'tap'
import { startSandbox } from '../../../ops/sandbox/sandbox.ts'
import { Browser } from '../../helpers/browser.ts'
import { freePort } from '../../helpers/free-port.ts'
import { answerGoogle, continueToGoogle, OAuthClient, openConsent } from '../../helpers/sign-in.ts'
import { startGateway } from '../../helpers/start-gateway.ts'

t.test('a sign-in completes when Google’s redirect arrives at a callback port', async (t) => {
  const google = await startSandbox({ users: [{ email: 'ada@sandbox.example', empty: true }] })
  const port = await freePort()
  const gateway = await startGateway({
    google,
    connected: false,
    settings: { CALLBACK_PORTS: String(port) }
  })
  t.teardown(async () => {
    await gateway.close()
    await google.close()
  })
  const client = await OAuthClient.register(gateway.origin)
  const browser = new Browser()
  const consent = await openConsent(browser, client.authorizeUrl())
  const atGoogle = await continueToGoogle(browser, consent)
  const isCallback = (url: URL) => url.pathname === '/oauth2callback'
  const choices = { email: 'ada@sandbox.example' }
  const { url } = await answerGoogle(browser, atGoogle, choices, isCallback)
  t.equal(url.origin, gateway.origin, 'Google is told PUBLIC_URL')

  url.port = String(port)
  const end = await browser.follow(url, client.isMine)
  const answer = await client.exchange(end.url.searchParams.get('code') ?? '')
  t.equal(answer.status, 200)

  const elsewhere = await fetch(`http://localhost:${port}/health`)
  t.equal(elsewhere.status, 404, 'the port serves nothing else')
  const posted = await fetch(`http://localhost:${port}/oauth2callback`, { method: 'POST' })
  t.equal(posted.status, 404)
})
