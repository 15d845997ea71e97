import { createHash, randomBytes } from 'node:crypto'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import type { AccessLevel } from '#shared/access-levels.ts'
import { type Clock, systemClock } from '#shared/clock.ts'
import { OPEN_POLICY, type OperatorPolicy } from '#shared/tool-policy.ts'
import type { AccountChange, AccountEvent } from '../../gateway/accounts/account-change.ts'
import { createAccountChoices } from '../../gateway/accounts/account-choices.ts'
import { createAccounts } from '../../gateway/accounts/accounts.ts'
import { createBearerTokens } from '../../gateway/accounts/bearer-tokens.ts'
import { createGoogleGrants } from '../../gateway/accounts/google-grants.ts'
import { createGoogle } from '../../gateway/accounts/google-oidc.ts'
import { createKeyring } from '../../gateway/accounts/keyring.ts'
import { createMailboxLinks } from '../../gateway/accounts/mailbox-links.ts'
import { createPersonalTokens } from '../../gateway/accounts/personal-tokens.ts'
import { createTokenBroker } from '../../gateway/accounts/token-broker.ts'
import { createVault } from '../../gateway/accounts/vault.ts'
import { type SignInParts, signIn } from '../../gateway/apps/sign-in-plugin.ts'
import type { AccountSessionView } from '../../gateway/sessions/owned-sessions.ts'
import type { SandboxOptions } from '../../ops/sandbox/sandbox.ts'
import { startSandbox } from '../../ops/sandbox/sandbox.ts'
import { type Browser, formFields, type Visit } from './browser.ts'
import { newStore } from './store-engines.ts'

export interface SignInLabOptions
  extends Partial<
    Pick<
      SignInParts,
      | 'allowed'
      | 'clientDocuments'
      | 'defaultLevel'
      | 'fetchClientMetadata'
      | 'limits'
      | 'refreshGraceMs'
      | 'registersClients'
    >
  > {
  readonly sandbox?: SandboxOptions
  readonly operatorPolicy?: Partial<OperatorPolicy>
  readonly clock?: Clock
  /** An address that nothing listens on: requests are injected. */
  readonly publicUrl?: string
  /** Google's address when it is not the sandbox's. */
  readonly issuer?: string
}

export type SignInLab = Awaited<ReturnType<typeof openSignInLab>>

export const ADA = 'ada@sandbox.example'
export const BEN = 'ben@sandbox.example'

/** The gateway's sign-in over a sandbox, on a port of its own, with everything behind it real. */
export async function openSignInLab(t: Test, options: SignInLabOptions = {}) {
  const { clock = systemClock } = options
  const google = await startSandbox({
    users: [
      { email: ADA, empty: true },
      { email: BEN, empty: true }
    ],
    ...options.sandbox
  })
  const store = await newStore(t)
  const keyring = createKeyring()
  const upstream = createGoogle({
    issuer: options.issuer ?? google.url,
    clientId: google.clientId,
    clientSecret: google.clientSecret,
    clock
  })
  const grants = createGoogleGrants({ store, vault: createVault(keyring), clock })
  const accounts = createAccounts({ store, grants, google: upstream, clock })
  const personalTokens = createPersonalTokens({ store, clock })
  const choices = createAccountChoices({ store, clock })
  const mailboxLinks = createMailboxLinks({ store, clock })
  const changed: string[] = []
  const policies: string[] = []
  const erased: string[] = []
  const noted: AccountChange[] = []
  const told: AccountEvent[] = []
  const broker = createTokenBroker({
    grants,
    accounts,
    google: upstream,
    clock,
    onNeedsReauth: () => {}
  })
  const sessions: AccountSessionView[] = []

  const app = Fastify({ forceCloseConnections: true })
  const register = async (url: string) => {
    await app.register(signIn, {
      publicUrl: url,
      service: { name: 'Test gateway', contact: 'help@example.com' },
      google: upstream,
      defaultLevel: options.defaultLevel ?? 'gmail.modify',
      registersClients: options.registersClients ?? true,
      clientDocuments: options.clientDocuments ?? 'on',
      refreshGraceMs: options.refreshGraceMs ?? 30_000,
      accounts,
      grants,
      keyring,
      personalTokens,
      sessions: {
        list: async () => sessions,
        end: async (handle) => {
          sessions.splice(0, sessions.length, ...sessions.filter((one) => one.handle !== handle))
        }
      },
      store,
      clock,
      allowed: options.allowed ?? (() => true),
      mailboxLinks,
      choices,
      operatorPolicy: { ...OPEN_POLICY.operator, ...options.operatorPolicy },
      onPolicyChanged: (userId) => void policies.push(userId),
      onGrantChanged: (userId) => {
        changed.push(userId)
        broker.forget(userId)
      },
      note: async (change) => void noted.push(change),
      tell: (event) => void told.push(event),
      audit: { sweep: async () => 0 },
      sends: { sweep: async () => 0 },
      onErase: async (userId) => {
        erased.push(userId)
      },
      ...(options.limits ? { limits: options.limits } : {}),
      ...(options.fetchClientMetadata ? { fetchClientMetadata: options.fetchClientMetadata } : {})
    })
  }
  if (options.publicUrl !== undefined) await register(options.publicUrl)
  const publicUrl = options.publicUrl ?? (await addressOf(app, register))
  t.teardown(async () => {
    await app.close()
    await google.close()
  })
  const resource = `${publicUrl}/mcp`
  const bearer = createBearerTokens({ store, personalTokens, clock, resource })
  const idOf = (email: string) => google.users.find((user) => user.email === email)?.sub ?? ''
  return {
    app,
    publicUrl,
    resource,
    google,
    store,
    accounts,
    grants,
    personalTokens,
    broker,
    bearer,
    sessions,
    changed,
    mailboxLinks,
    choices,
    policies,
    erased,
    noted,
    told,
    idOf
  }
}

/** The issuer must be known before the plugin is registered, and the port before that. */
async function addressOf(app: FastifyInstance, register: (url: string) => Promise<void>) {
  const probe = Fastify()
  const free = await probe.listen({ port: 0, host: '127.0.0.1' })
  await probe.close()
  await register(free)
  await app.listen({ port: Number(new URL(free).port), host: '127.0.0.1' })
  return free
}

/** An MCP client's side of OAuth: registration, authorization request, tokens. */
export class OAuthClient {
  readonly id: string
  readonly redirectUri: string
  readonly verifier = randomBytes(32).toString('base64url')
  readonly state = randomBytes(9).toString('base64url')
  readonly #publicUrl: string

  constructor(publicUrl: string, id: string, redirectUri: string) {
    this.#publicUrl = publicUrl
    this.id = id
    this.redirectUri = redirectUri
  }

  /** Registers dynamically (RFC 7591). */
  static async register(
    publicUrl: string,
    body: Record<string, unknown> = {},
    redirectUri = 'http://127.0.0.1:33418/callback'
  ): Promise<OAuthClient> {
    const response = await post(`${publicUrl}/oauth/register`, {
      client_name: 'Test client',
      redirect_uris: [redirectUri],
      ...body
    })
    if (response.status !== 201) throw new Error(`registration: ${await response.text()}`)
    const { client_id: id } = (await response.json()) as { client_id: string }
    return new OAuthClient(publicUrl, id, redirectUri)
  }

  authorizeUrl(changes: Record<string, string | undefined> = {}): URL {
    const url = new URL(`${this.#publicUrl}/oauth/authorize`)
    const parameters: Record<string, string | undefined> = {
      response_type: 'code',
      client_id: this.id,
      redirect_uri: this.redirectUri,
      state: this.state,
      code_challenge: createHash('sha256').update(this.verifier).digest('base64url'),
      code_challenge_method: 'S256',
      resource: `${this.#publicUrl}/mcp`,
      ...changes
    }
    for (const [name, value] of Object.entries(parameters)) {
      if (value !== undefined) url.searchParams.set(name, value)
    }
    return url
  }

  /** Whether the browser would leave for this client. */
  readonly isMine = (url: URL): boolean => {
    const mine = new URL(this.redirectUri)
    return url.protocol === mine.protocol && url.host === mine.host
  }

  exchange(code: string, changes: Record<string, string> = {}): Promise<Answer> {
    return this.token({
      grant_type: 'authorization_code',
      code,
      redirect_uri: this.redirectUri,
      code_verifier: this.verifier,
      resource: `${this.#publicUrl}/mcp`,
      ...changes
    })
  }

  refresh(refreshToken: string, changes: Record<string, string> = {}): Promise<Answer> {
    return this.token({ grant_type: 'refresh_token', refresh_token: refreshToken, ...changes })
  }

  async token(fields: Record<string, string>): Promise<Answer> {
    const response = await fetch(`${this.#publicUrl}/oauth/token`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: this.id, ...fields })
    })
    return { status: response.status, ...((await response.json()) as object) } as Answer
  }
}

export interface Answer {
  readonly status: number
  readonly access_token: string
  readonly refresh_token: string
  readonly scope: string
  readonly expires_in: number
  readonly error?: string
}

export const post = (url: string, body: unknown): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body)
  })

export interface Choices {
  /** The level chosen on our consent page; the suggested one by default. */
  readonly level?: AccessLevel
  readonly email?: string
  /** Google's boxes that stay ticked; all by default. */
  readonly ticked?: readonly string[]
  readonly atGoogle?: 'allow' | 'deny'
  /** Of the mailboxes on the page that follows Google's: their addresses. */
  readonly mailboxes?: readonly string[]
}

/** Opens the authorization request and stops at our consent page. */
export async function openConsent(browser: Browser, url: URL): Promise<Visit & { text: string }> {
  const visit = await browser.follow(url)
  return { ...visit, text: await visit.response.text() }
}

/** Allows the client on our consent page and goes as far as Google's page. */
export async function continueToGoogle(
  browser: Browser,
  consent: { url: URL; text: string },
  { level }: Choices = {}
): Promise<Visit & { text: string }> {
  const fields = { ...formFields(consent.text), decision: 'allow', ...(level ? { level } : {}) }
  const visit = await browser.submit(consent.url, fields, consent.url)
  return { ...visit, text: await visit.response.text() }
}

/** Answers Google's page, as often as it comes, and stops where `until` says. */
export async function answerGoogle(
  browser: Browser,
  page: { url: URL; text: string },
  { email = ADA, ticked, atGoogle = 'allow' }: Choices,
  until: (url: URL) => boolean
): Promise<Visit> {
  let at = page
  for (let asked = 0; asked < 3; asked += 1) {
    const boxes = [...at.text.matchAll(/name="scope" value="([^"]*)"/g)].map(
      ([, scope]) => scope ?? ''
    )
    const fields = { account: email, scope: ticked ?? boxes, decision: atGoogle }
    const visit = await browser.submit(at.url, fields, at.url, until)
    if (visit.url.origin !== at.url.origin) return visit
    at = { url: visit.url, text: await visit.response.text() }
  }
  throw new Error('Google asked too often')
}

/** The whole way: from the authorization request to the client's redirect, or to a page that explains. */
export async function authorize(
  browser: Browser,
  client: OAuthClient,
  choices: Choices = {},
  changes: Record<string, string | undefined> = {}
): Promise<Visit> {
  const consent = await openConsent(browser, client.authorizeUrl(changes))
  const google = await continueToGoogle(browser, consent, choices)
  const back = await answerGoogle(browser, google, choices, client.isMine)
  return choices.mailboxes === undefined ? back : chooseMailboxes(browser, back, choices, client)
}

/** Answers the question which mailboxes a client may use. */
async function chooseMailboxes(
  browser: Browser,
  { url, response }: Visit,
  { mailboxes = [] }: Choices,
  { isMine }: OAuthClient
): Promise<Visit> {
  const page = await response.text()
  const mailbox = mailboxes.map((email) => mailboxIds(page).get(email) ?? email)
  const [, action = ''] = /<form method="post" action="([^"]*)"/.exec(page) ?? []
  const { token = '' } = formFields(page)
  const fields = { token, decision: 'allow', mailbox }
  return browser.submit(new URL(action, url), fields, new URL(url.origin), isMine)
}

/** The mailboxes that a page offers: the value of each, by its address. */
export const mailboxIds = (page: string): Map<string, string> =>
  new Map(
    [...page.matchAll(/name="mailbox" value="([^"]*)"[^>]*> <span>([^<]*)</g)].map(
      ([, id = '', email = '']) => [email, id]
    )
  )

/** The whole way and the tokens at its end. */
export async function signInClient(
  browser: Browser,
  client: OAuthClient,
  choices: Choices = {},
  changes: Record<string, string | undefined> = {}
): Promise<Answer> {
  const { url } = await authorize(browser, client, choices, changes)
  return client.exchange(url.searchParams.get('code') ?? '')
}

/** A map of metadata documents in the place of the web. */
export const documents =
  (published: Record<string, object>): typeof fetch =>
  async (input) => {
    const document = published[String(input)]
    return document ? Response.json(document) : new Response('', { status: 404 })
  }

/** What is stored that a refused sign-in must not leave behind. */
export async function storedRows({ store }: Pick<SignInLab, 'store'>): Promise<string[]> {
  const users = await store.db.selectFrom('users').select('id').execute()
  const grants = await store.db.selectFrom('google_grants').select('user_id').execute()
  const issued = await store.db
    .selectFrom('oauth')
    .select('model')
    .where('model', 'in', ['Grant', 'AccessToken', 'RefreshToken', 'AuthorizationCode'])
    .execute()
  return [
    ...users.map(() => 'user'),
    ...grants.map(() => 'google_grant'),
    ...issued.map(({ model }) => model)
  ]
}
