import * as v2 from '@modelcontextprotocol/client'
import * as v1 from '@modelcontextprotocol/sdk/client/auth.js'
import t from 'tap'
import { Browser } from '../../helpers/browser.ts'
import {
  answerGoogle,
  continueToGoogle,
  documents,
  openConsent,
  openSignInLab
} from '../../helpers/sign-in.ts'

const REDIRECT = 'http://127.0.0.1:33418/callback'
const DOCUMENT = 'https://app.example/client.json'

/** The memory of one client of the official SDKs; both generations take it. */
class Memory {
  readonly redirectUrl = REDIRECT
  readonly clientMetadata = {
    client_name: 'Official client',
    redirect_uris: [REDIRECT],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none'
  }
  readonly clientMetadataUrl?: string
  information: { client_id: string } | undefined
  stored: { access_token: string; token_type: string; refresh_token?: string } | undefined
  verifier = ''
  sentTo: URL | undefined

  constructor(clientMetadataUrl?: string) {
    if (clientMetadataUrl !== undefined) this.clientMetadataUrl = clientMetadataUrl
  }

  state = () => 'a-state'
  clientInformation = () => this.information
  saveClientInformation = (information: { client_id: string }) => {
    this.information = information
  }
  tokens = () => this.stored
  saveTokens = (tokens: { access_token: string; token_type: string; refresh_token?: string }) => {
    this.stored = tokens
  }
  redirectToAuthorization = (url: URL) => {
    this.sentTo = url
  }
  saveCodeVerifier = (verifier: string) => {
    this.verifier = verifier
  }
  codeVerifier = () => this.verifier
}

interface Step {
  readonly authorizationCode?: string
  readonly iss?: string
}

async function signInWith(
  memory: Memory,
  auth: (step: Step) => Promise<'AUTHORIZED' | 'REDIRECT'>
): Promise<void> {
  if ((await auth({})) !== 'REDIRECT' || !memory.sentTo) throw new Error('no redirect')
  const browser = new Browser()
  const consent = await openConsent(browser, memory.sentTo)
  const google = await continueToGoogle(browser, consent)
  const { url } = await answerGoogle(browser, google, {}, ({ href }) => href.startsWith(REDIRECT))
  const step = {
    authorizationCode: url.searchParams.get('code') ?? '',
    iss: url.searchParams.get('iss') ?? ''
  }
  if ((await auth(step)) !== 'AUTHORIZED') throw new Error('not authorized')
}

t.test('both generations of the official SDK sign in and refresh by themselves', async (t) => {
  const lab = await openSignInLab(t, {
    fetchClientMetadata: documents({
      [DOCUMENT]: { client_id: DOCUMENT, ...new Memory().clientMetadata }
    })
  })
  const serverUrl = lab.resource
  const generations = {
    'v1, registered': (memory: Memory) => (step: Step) => v1.auth(memory, { serverUrl, ...step }),
    'v2, registered': (memory: Memory) => (step: Step) => v2.auth(memory, { serverUrl, ...step })
  }
  for (const [name, authWith] of Object.entries(generations)) {
    for (const document of [undefined, DOCUMENT]) {
      const title = document ? name.replace('registered', 'by its document') : name
      const memory = new Memory(document)
      const auth = authWith(memory)
      await signInWith(memory, auth)
      t.equal(memory.information?.client_id === DOCUMENT, document !== undefined, title)
      const first = memory.stored
      t.match(await lab.bearer.verify(first?.access_token ?? ''), { level: 'gmail.modify' }, title)
      t.equal(await auth({}), 'AUTHORIZED', `${title}: refresh`)
      t.not(memory.stored?.access_token, first?.access_token, title)
      t.ok(await lab.bearer.verify(memory.stored?.access_token ?? ''), title)
    }
  }
})
