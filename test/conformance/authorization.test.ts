import t from 'tap'
import { startSandbox } from '../../ops/sandbox/sandbox.ts'
import { Browser } from '../helpers/browser.ts'
import { freePort } from '../helpers/free-port.ts'
import { answerGoogle, continueToGoogle, OAuthClient, openConsent } from '../helpers/sign-in.ts'
import { startGateway } from '../helpers/start-gateway.ts'
import { runAuthorizationSuite } from './authorization-suite.ts'

const ADA = 'ada@sandbox.example'

t.test('the official suite’s scenarios for authorization servers pass', async (t) => {
  const google = await startSandbox({ users: [{ email: ADA, empty: true }] })
  // The suite warns where client documents are not offered, and `auto` offers none on a machine without a network.
  const settings = { CLIENT_DOCUMENTS: 'on' }
  const gateway = await startGateway({ google, connected: false, settings })
  t.teardown(async () => {
    await gateway.close()
    await google.close()
  })
  const port = await freePort()
  const callback = `http://127.0.0.1:${port}/callback`
  const { id } = await OAuthClient.register(gateway.origin, {}, callback)

  const run = await runAuthorizationSuite({
    issuer: gateway.origin,
    clientId: id,
    resource: gateway.url,
    port,
    directory: t.testdir(),
    async signIn(url) {
      const browser = new Browser()
      const consent = await openConsent(browser, new URL(url))
      const atGoogle = await continueToGoogle(browser, consent)
      const isBack = (to: URL) => to.origin === new URL(callback).origin
      const back = await answerGoogle(browser, atGoogle, { email: ADA }, isBack)
      await browser.fetch(back.url)
    }
  })
  t.equal(run.exitCode, 0, 'no scenario fails', { suite: run.output.split('\n') })
  t.match(run.output, /^Total: 3 passed, 0 failed/m, 'metadata, its CIMD flag and the code grant')
})
