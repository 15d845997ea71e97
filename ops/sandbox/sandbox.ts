import { type Clock, systemClock } from '#shared/clock.ts'
import { buildApp } from './app.ts'
import { Faults } from './faults.ts'
import { createAttachmentIds } from './gmail/attachment-ids.ts'
import { ParallelCalls } from './gmail/parallel-calls.ts'
import { Quota } from './gmail/quota.ts'
import { Delivery } from './mailbox/delivery.ts'
import { type MailboxView, viewMailbox } from './mailbox/mailbox-view.ts'
import { Mailboxes } from './mailbox/mailboxes.ts'
import { RequestLog } from './request-log.ts'
import {
  type Account,
  inventUsers,
  resolveUser,
  type SandboxUser,
  UnknownUserError
} from './sandbox-user.ts'
import { Grants } from './sign-in/grants.ts'
import { isSafeRedirect } from './sign-in/provider.ts'
import { parseScopes } from './sign-in/scopes.ts'
import { SigningKey } from './sign-in/signing-key.ts'
import { openStateWriter, readState } from './snapshot.ts'

export interface SandboxOptions {
  /** 0, the default, takes any free port. */
  readonly port?: number
  /** 127.0.0.1 when missing. */
  readonly host?: string
  /** The origin by which others know it, where something stands in front; its own address when missing. */
  readonly issuer?: () => string
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
  /** Gmail calls that one account may have under way together; no limit when missing. */
  readonly parallelPerUser?: number
  /** Whether messages that are attached get an attachment id. It is not established what Gmail does. */
  readonly attachedMessages?: 'with-id' | 'without-id'
  /** Whether encoded words in header values are decoded. It is not established for all of Gmail's headers. */
  readonly headers?: 'decoded' | 'as-written'
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
  readonly parallel: ParallelCalls
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
  const onFailure = options.log ?? (() => {})
  const accounts = (options.users ?? inventUsers(3)).map(resolveUser)
  const saved = readState(options.stateFile)
  const seededAt = saved?.seededAt ?? clock.now()
  const key = new SigningKey(saved?.key)
  const grants = new Grants(clock, options.accessTokenSeconds ?? 3600)
  if (saved) grants.restore(saved.grants)
  const mailboxes = new Mailboxes({
    accounts,
    clock,
    seed,
    seededAt,
    saved: saved?.mailboxes ?? {}
  })
  const state = openStateWriter(options.stateFile, {
    clock,
    state: () => ({
      seededAt,
      key: key.jwk,
      grants: grants.snapshot(),
      mailboxes: mailboxes.snapshot()
    }),
    onFailure
  })
  for (const kept of [key, grants, mailboxes]) kept.onChange = state.changed
  if (!saved) state.changed()
  const requests = new RequestLog()
  const faults = new Faults()
  const quota = new Quota(options.unitsPerMinute)
  const parallel = new ParallelCalls(options.parallelPerUser)
  const postOffice = new Delivery((address) => mailboxes.byEmail(address), clock)
  const isRedirectUri = redirectUris ? (uri: string) => redirectUris.includes(uri) : isSafeRedirect

  const app = buildApp({
    provider: {
      issuer: options.issuer ?? (() => url),
      client,
      isRedirectUri,
      accounts,
      grants,
      key,
      clock
    },
    gmail: {
      grants,
      quota,
      parallel,
      faults,
      postOffice,
      showing: {
        attachmentIds: createAttachmentIds(`${seed}`),
        attachedMessages: options.attachedMessages ?? 'with-id',
        headers: options.headers ?? 'decoded'
      },
      clock,
      mailboxOf: (sub) => mailboxes.bySub(sub),
      onFailure
    },
    requests,
    sandbox: () => sandbox
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
    parallel,
    mailbox(email) {
      const mailbox = mailboxes.byEmail(email)
      if (!mailbox) throw new UnknownUserError()
      return viewMailbox(mailbox, postOffice, clock.now)
    },
    issueGrant(email, scopes) {
      const { sub } = accountOf(email)
      const known = parseScopes(scopes.join(' '))
      if (!known) throw new TypeError('One of the scopes is none of those that the sandbox knows.')
      grants.consent(sub, client.id, known)
      const refreshToken = grants.issueRefreshToken(sub, client.id, known)
      const { token: accessToken, expiresAt } = grants.issueAccessToken(sub, client.id, known)
      return { refreshToken, accessToken, expiresAt }
    },
    revokeGrants: (email) => grants.revokeAll(accountOf(email).sub),
    expireAccessTokens: (email) =>
      grants.expireAccessTokens(email === undefined ? undefined : accountOf(email).sub),
    async close() {
      await app.close()
      state.close()
    }
  }
  return sandbox
}
