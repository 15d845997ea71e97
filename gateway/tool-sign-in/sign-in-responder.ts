import {
  type AccessLevel,
  covers,
  googleScopesFor,
  lesserLevel,
  levelGrantedBy,
  scopesWithin
} from '#shared/access-levels.ts'
import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import { isAnonymous, type UserId } from '#shared/ids.ts'
import type { SignInAnswer, SignInQuestion } from '#shared/sign-in-protocol.ts'
import type { Access } from '../accounts/access-liveness.ts'
import type { Accounts } from '../accounts/accounts.ts'
import type { Caller } from '../accounts/bearer-tokens.ts'
import type { GoogleGrants } from '../accounts/google-grants.ts'
import { type PersonalTokens, TOKENS_PER_PERSON } from '../accounts/personal-tokens.ts'
import type { Exchanges } from '../relay/exchange.ts'
import type { SessionRegistry } from '../sessions/registry.ts'
import type { Session } from '../sessions/session.ts'
import { type AdmittanceParts, admitAccount } from '../sign-in/admit-account.ts'
import type { RunningWorker } from '../supervisor/supervisor.ts'
import { type BindParts, bindSession } from './bind-session.ts'
import { toolLinkPath } from './link-routes.ts'
import type { SignInRequests } from './sign-in-requests.ts'
import { mostThatEnds, type SignOutParts, signOut } from './sign-out.ts'

export interface SignInResponderParts extends AdmittanceParts, BindParts, SignOutParts {
  readonly requests: SignInRequests
  readonly personalTokens: Pick<PersonalTokens, 'create' | 'list' | 'revoke' | 'verify'>
  readonly accounts: Pick<Accounts, 'admit' | 'find' | 'erase'>
  readonly grants: Pick<GoogleGrants, 'find' | 'put' | 'scopes'>
  readonly sessions: Pick<SessionRegistry, 'bind' | 'allow' | 'end' | 'findByHash' | 'list'>
  readonly exchanges: Pick<Exchanges, 'get' | 'ofSession' | 'ofWorker'>
  readonly clock: Clock
  readonly publicUrl: string
  /** How long a session lives that needs no token, from its sign-in on; milliseconds. */
  readonly sessionTtl: number
  /** Whether a personal token may be given to the model. */
  readonly givesTokens: boolean
  /** Whether the credential of a caller would still be taken. */
  readonly isLive: (access: Access) => Promise<boolean>
  readonly failed: (error: unknown) => void
}

/** Who asks: the account is the worker's own, and the session must be that account's. */
interface Asker {
  readonly userId: UserId
  readonly session: Session | undefined
  /** As the token said that the call came with; undefined when the call is over already. */
  readonly caller: Caller | undefined
  /** Names the asker's sign-in: it is the session's, or outside of sessions the person's. */
  readonly owner: string
}

interface Asked {
  readonly id: number
  readonly session: string | null
  readonly request?: string | undefined
  readonly question: SignInQuestion
}

/** An answer, and what follows once it is sent. */
interface Reaction {
  readonly answer: SignInAnswer
  readonly after?: () => void | Promise<void>
}

/** A client's name on our page. */
const LONGEST_NAME = 100

/** Answers the sign-in tools of every worker. */
export class SignInResponder {
  readonly #parts: SignInResponderParts

  constructor(parts: SignInResponderParts) {
    this.#parts = parts
  }

  /** Answers over the worker's channel. Never rejects. */
  async answer(worker: RunningWorker, asked: Asked): Promise<void> {
    try {
      const { answer, after } = await this.#react(worker, asked)
      worker.channel.send({ type: 'sign-in-answer', id: asked.id, answer })
      await after?.()
    } catch (error) {
      if (!(error instanceof GatewayError)) this.#parts.failed(error)
      const answer = refusalFor(error)
      worker.channel.send({ type: 'sign-in-answer', id: asked.id, answer }) // a second answer is not heard
    }
  }

  async #react(
    worker: RunningWorker,
    { session: hash, request, question }: Asked
  ): Promise<Reaction> {
    const { userId } = worker
    const session = hash === null ? undefined : await this.#parts.sessions.findByHash(hash, userId)
    if (!session && (hash !== null || isAnonymous(userId))) return refuse('not_found', NO_SESSION)
    const caller = this.#callerOf(worker, request)
    const asker = { userId, session, caller, owner: session?.hash ?? `account:${userId}` }
    switch (question.ask) {
      case 'begin':
        return { answer: await this.#begin(asker, question.level, question.loginHint) }
      case 'check':
        return this.#check(asker, question)
      case 'token':
        return this.#useToken(asker, question.token)
      case 'sign-out':
        return this.#signOut(asker, worker, question.revoke)
    }
  }

  /** A worker can name a request of its own account only. */
  #callerOf(worker: RunningWorker, request: string | undefined): Caller | undefined {
    const exchange = request === undefined ? undefined : this.#parts.exchanges.get(request)
    return exchange?.worker === worker ? exchange.caller : undefined
  }

  async #begin(
    { userId, session, caller, owner }: Asker,
    level: AccessLevel,
    loginHint: string | undefined
  ): Promise<SignInAnswer> {
    const { requests, accounts, sessions, isLive, publicUrl } = this.#parts
    const person = isAnonymous(userId) ? undefined : userId
    const { request, link } = requests.begin({
      owner,
      level,
      person,
      clientName: (session?.initialize.clientInfo.name ?? '').slice(0, LONGEST_NAME),
      loginHint: person ? (await accounts.find(person))?.email : loginHint,
      async isWanted() {
        const isOpen = !session || (await sessions.findByHash(session.hash, session.userId))
        const hasToken = caller !== undefined && caller.credential !== 'session'
        return Boolean(isOpen) && (!hasToken || (await isLive(caller)))
      }
    })
    return {
      kind: 'link',
      authUrl: `${publicUrl}${toolLinkPath(link)}`,
      requestId: request.id,
      expiresAt: request.expiresAt,
      scopes: [...googleScopesFor(level)]
    }
  }

  async #check(
    asker: Asker,
    { requestId, code, waitMs }: Extract<SignInQuestion, { ask: 'check' }>
  ): Promise<Reaction> {
    const { requests } = this.#parts
    if (code !== undefined) {
      const redeemed = requests.redeem(asker.owner, requestId, code)
      if (redeemed.kind === 'right') return this.#admit(asker, redeemed.arrival)
      if (redeemed.kind === 'wrong' && redeemed.triesLeft > 0) {
        const { triesLeft } = redeemed
        return { answer: { kind: 'state', status: 'wrong_code', triesLeft } }
      }
    }
    await requests.change(asker.owner, requestId, waitMs)
    return { answer: await this.#state(asker, requestId) }
  }

  /** The code was right: what Google gave is stored, and the session is the person's. */
  async #admit(asker: Asker, arrival: Parameters<typeof admitAccount>[1]): Promise<Reaction> {
    const { requests, clock, sessionTtl } = this.#parts
    // The session may have become somebody else's since it asked for the link.
    if (!isAnonymous(asker.userId) && asker.userId !== arrival.profile.userId) {
      requests.settle(asker.owner, 'wrong_account', arrival)
      return { answer: { kind: 'state', status: 'wrong_account' } }
    }
    const admitted = await admitAccount(this.#parts, arrival)
    if (admitted.kind !== 'admitted') {
      requests.settle(asker.owner, 'denied', arrival)
      return { answer: { kind: 'state', status: 'denied' } }
    }
    const { userId, level } = admitted
    const expiresAt = clock.now() + sessionTtl
    const after = await this.#bind(asker, { userId, level, expiresAt })
    requests.settle(asker.owner, 'authenticated')
    const state = await this.#signedIn(userId, asker)
    const token = await this.#tokenFor(asker, userId, level)
    return { answer: token ? { ...state, token } : state, after }
  }

  async #useToken(asker: Asker, text: string): Promise<Reaction> {
    const { personalTokens, accounts, clock, sessionTtl } = this.#parts
    const { session } = asker
    const token = await personalTokens.verify(text)
    const account = token && (await accounts.find(token.userId))
    if (!token || !account || account.state === 'blocked')
      return refuse('invalid_argument', 'This session token is unknown, expired or revoked.')
    if (!isAnonymous(asker.userId) && token.userId !== asker.userId)
      return { answer: { kind: 'state', status: 'wrong_account' } }
    if (session?.expiresAt === undefined) {
      return refuse(
        'invalid_argument',
        'This session is signed in by its own token already. For more access call get_auth_url.'
      )
    }
    const { userId, level, id: tokenHash } = token
    const expiresAt = Math.min(clock.now() + sessionTtl, token.expiresAt)
    const after = await this.#bind(asker, { userId, level, expiresAt, tokenHash })
    return { answer: await this.#signedIn(userId, asker), after }
  }

  async #signOut(
    { userId, session, caller }: Asker,
    { id: workerId }: RunningWorker,
    revoke: boolean
  ): Promise<Reaction> {
    if (isAnonymous(userId)) return refuse('invalid_argument', 'Nobody is signed in here.')
    if (!session && !revoke)
      return refuse(
        'invalid_argument',
        'There is no session to end; revoke=true ends the access of this application.'
      )
    const ends = revoke ? mostThatEnds(caller) : 'session'
    const { revokedAtGoogle, after } = await signOut(this.#parts, {
      userId,
      workerId,
      session,
      caller,
      ends
    })
    return { answer: { kind: 'signed-out', ended: ends, revoked: revokedAtGoogle }, after }
  }

  async #bind({ session }: Asker, to: Parameters<typeof bindSession>[2]): Promise<() => void> {
    if (!session) return () => {}
    const { after } = await bindSession(this.#parts, session, to)
    return after
  }

  async #state(asker: Asker, requestId: string | undefined): Promise<SignInAnswer> {
    const request = this.#parts.requests.of(asker.owner, requestId)
    if (request && request.status !== 'authenticated') {
      const { status, expiresAt } = request
      return { kind: 'state', status, expiresAt }
    }
    // The session may have become somebody's while this question waited.
    const userId = asker.session?.userId ?? asker.userId
    if (isAnonymous(userId)) return { kind: 'state', status: 'none' }
    return this.#signedIn(userId, asker)
  }

  /** Who the session is signed in as, if Google still lets us use their mail. */
  async #signedIn(
    userId: UserId,
    { session, caller }: Asker
  ): Promise<SignInAnswer & { kind: 'state' }> {
    const account = await this.#parts.accounts.find(userId)
    if (account?.state !== 'active') return { kind: 'state', status: 'none' }
    const googles = await this.#parts.grants.scopes(userId)
    const granted = levelGrantedBy(googles)
    const held = higherLevel(session?.level, caller?.level)
    const level = held && granted ? lesserLevel(held, granted) : granted
    const scopes = [...scopesWithin(level, googles)]
    return {
      kind: 'state',
      status: 'authenticated',
      email: account.email,
      scopes,
      ...(level && { level }),
      ...(session?.expiresAt !== undefined && { expiresAt: session.expiresAt })
    }
  }

  async #tokenFor({ session }: Asker, userId: UserId, level: AccessLevel) {
    const { personalTokens, givesTokens, note } = this.#parts
    if (!givesTokens || (await personalTokens.list(userId)).length >= TOKENS_PER_PERSON)
      return undefined
    const client = session?.initialize.clientInfo.name ?? 'an application'
    const name = `Made by tool for ${client}`.slice(0, 60)
    const { token, record } = await personalTokens.create({ userId, name, level })
    await note({ userId, action: 'create_token', target: record.id, requestId: undefined })
    return { text: token, expiresAt: record.expiresAt }
  }
}

const higherLevel = (a: AccessLevel | undefined, b: AccessLevel | undefined) =>
  a && (!b || covers(a, b)) ? a : b

const NO_SESSION = 'Signing in needs a session; open one with initialize.'

type Refusal = Extract<SignInAnswer, { kind: 'refused' }>

const refuse = (code: Refusal['code'], message: string): Reaction => ({
  answer: { kind: 'refused', code, message }
})

const refusalFor = (error: unknown): Refusal => ({
  kind: 'refused',
  code: 'upstream_unavailable',
  message: error instanceof GatewayError ? error.message : 'The sign-in failed here; try again.'
})
