import Fastify, { type FastifyInstance } from 'fastify'
import { type Clock, systemClock } from '#shared/clock.ts'
import { serveControl } from './control.ts'
import { Faults } from './faults.ts'
import { createAttachmentIds } from './gmail/attachment-ids.ts'
import { gmail } from './gmail/gmail.ts'
import { Quota } from './gmail/quota.ts'
import { unknownUrlPage } from './google-error.ts'
import { logRequests } from './log-requests.ts'
import { type MailboxView, viewMailbox } from './mailbox/mailbox-view.ts'
import { Mailboxes } from './mailbox/mailboxes.ts'
import { PostOffice } from './mailbox/post-office.ts'
import { RequestLog } from './request-log.ts'
import {
  type Account,
  inventUsers,
  resolveUser,
  type SandboxUser,
  UnknownUserError
} from './sandbox-user.ts'
import { Grants } from './sign-in/grants.ts'
import { isSafeRedirect, type Provider } from './sign-in/provider.ts'
import { signIn } from './sign-in/sign-in.ts'
import { openSigningKey } from './sign-in/signing-key.ts'
import { openStateWriter, readState } from './snapshot.ts'

export interface SandboxOptions {
  /** 0, the default, takes any free port. */
  readonly port?: number
  /** 127.0.0.1 when missing. */
  readonly host?: string
  /** Three invented people when missing. */
  readonly users?: readonly SandboxUser[]
  /** Keeps grants, the signing key and changed mailboxes over a restart. */
  readonly stateFile?: string
  readonly client?: { readonly id: string; readonly secret: string }
  /** Missing means any https address and any loopback one. */
  readonly redirectUris?: readonly string[]
  readonly clock?: Clock
  /** Another number gives other seeded mail. */
  readonly seed?: number
  readonly accessTokenSeconds?: number
  /** Quota units that one account may spend in a minute; no limit when missing. */
  readonly unitsPerMinute?: number
  /** Told of failures of the sandbox itself. */
  readonly log?: (error: unknown) => void
}

/** A running stand-in for Google. */
export interface Sandbox {
  /** The origin: issuer of the sign-in and root of the Gmail API. */
  readonly url: string
  readonly clientId: string
  readonly clientSecret: string
  readonly users: readonly Account[]
  readonly requests: RequestLog
  readonly faults: Faults
  readonly quota: Quota
  /** Throws for an address that no user has. */
  mailbox(email: string): MailboxView
  /** As if the account had consented; scopes by their long names. `expiresAt` in milliseconds. */
  issueGrant(
    email: string,
    scopes: readonly string[]
  ): { refreshToken: string; accessToken: string; expiresAt: number }
  revokeGrants(email: string): void
  /** Of one account, or of all. */
  expireAccessTokens(email?: string): void
  /** May be called more than once. */
  close(): Promise<void>
}

const CLIENT = {
  id: '407408718192-sandboxsandboxsandboxsandboxsand.apps.googleusercontent.com',
  secret: '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1'
}

/** Starts a stand-in for Google's sign-in and Gmail, all in memory. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { clock = systemClock, client = CLIENT, seed = 1, redirectUris } = options
  const accounts = (options.users ?? inventUsers(3)).map(resolveUser)
  const saved = readState(options.stateFile)
  const key = await openSigningKey(saved?.key)
  const grants = new Grants(clock, options.accessTokenSeconds ?? 3600)
  if (saved) grants.restore(saved.grants)
  const seededAt = saved?.seededAt ?? clock.now()
  const mailboxes = new Mailboxes({
    accounts,
    clock,
    seed,
    seededAt,
    saved: saved?.mailboxes ?? {}
  })
  const state = openStateWriter(options.stateFile, clock, () => ({
    seededAt,
    key: key.jwk,
    grants: grants.snapshot(),
    mailboxes: mailboxes.snapshot()
  }))
  grants.onChange = state.changed
  mailboxes.onChange = state.changed
  if (!saved) state.changed()
  const provider: Provider = {
    issuer: () => url,
    client,
    isRedirectUri: redirectUris ? (uri) => redirectUris.includes(uri) : isSafeRedirect,
    accounts,
    grants,
    key,
    clock
  }
  const requests = new RequestLog()
  const faults = new Faults()
  const quota = new Quota(options.unitsPerMinute)
  const postOffice = new PostOffice((address) => mailboxes.byEmail(address), clock)
  const attachmentIds = createAttachmentIds(`${seed}`)

  const app = Fastify({ forceCloseConnections: true, routerOptions: { maxParamLength: 2000 } })
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).type('text/html').send(unknownUrlPage(404))
  )
  logRequests(app, requests, clock)
  // Fastify loads these before it listens; their failures are listen's.
  void app.register((scope, _options, done) => {
    signIn(scope, provider, faults)
    done()
  })
  void app.register((scope, _options, done) => {
    const onFailure = options.log ?? (() => {})
    const mailboxOf = (sub: string) => mailboxes.bySub(sub)
    gmail(scope, { grants, quota, faults, postOffice, attachmentIds, clock, mailboxOf, onFailure })
    done()
  })
  void app.register((scope, _options, done) => {
    serveControl(scope, () => sandbox)
    done()
  })
  const url = await app.listen({ port: options.port ?? 0, host: options.host ?? '127.0.0.1' })

  const accountOf = (email: string): Account => {
    const account = accounts.find((other) => other.email === email.toLowerCase())
    if (!account) throw new UnknownUserError()
    return account
  }
  const sandbox: Sandbox = {
    url,
    clientId: client.id,
    clientSecret: client.secret,
    users: accounts,
    requests,
    faults,
    quota,
    mailbox(email) {
      const mailbox = mailboxes.byEmail(email)
      if (!mailbox) throw new UnknownUserError()
      return viewMailbox(mailbox, postOffice, clock.now)
    },
    issueGrant(email, scopes) {
      const { sub } = accountOf(email)
      grants.consent(sub, client.id, scopes)
      const refreshToken = grants.issueRefreshToken(sub, client.id, scopes)
      const access = grants.issueAccessToken(sub, client.id, scopes)
      return { refreshToken, accessToken: access.token, expiresAt: access.expiresAt }
    },
    revokeGrants: (email) => grants.revokeAll(accountOf(email).sub),
    expireAccessTokens: (email) =>
      grants.expireAccessTokens(email === undefined ? undefined : accountOf(email).sub),
    close: () => close(app, state.close)
  }
  return sandbox
}

async function close(app: FastifyInstance, closeState: () => void): Promise<void> {
  await app.close()
  closeState()
}
