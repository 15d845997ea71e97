import * as z from 'zod'
import { type AccessLevel, highestLevel } from '#shared/access-levels.ts'
import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import { asUserId, type UserId } from '#shared/ids.ts'
import { oncePerKey } from '#shared/once-per-key.ts'
import { hashedId } from '../store/hashed-id.ts'
import type { UserRow } from '../store/schema.ts'
import type { Patience, Store } from '../store/store.ts'
import { type Access, createLiveness } from './access-liveness.ts'
import type { AllowedPeople } from './allow-list.ts'
import { type ChosenMailbox, createUsableMailboxes, type Mailbox } from './connection-mailboxes.ts'
import { PERSONAL_TOKEN_PREFIX, type PersonalTokens } from './personal-tokens.ts'

/** Who calls, as a verified bearer token says. */
export interface Caller extends Access {
  readonly userId: UserId
  /** Who signed in, when `userId` is a mailbox that is linked to theirs. */
  readonly person?: UserId | undefined
  /** What the connection may use, when that is more than one; `userId` is one of them. */
  readonly several?: SeveralMailboxes | undefined
  /** The OAuth client's id, or `personal-token`. */
  readonly clientId: string
  /** Undefined for somebody who has not signed in. */
  readonly level: AccessLevel | undefined
}

/** The first is used by whatever names none, and has the connection's sessions. */
export type SeveralMailboxes = readonly [Mailbox, ...Mailbox[]]

/** Whose the sessions of this caller are, whichever mailbox a call names. */
export const homeOf = ({ userId, several }: Pick<Caller, 'userId' | 'several'>): UserId =>
  several?.[0].userId ?? userId

/** Who signed in, whichever mailbox they use. */
export const personOf = ({ userId, person = userId }: Pick<Caller, 'userId' | 'person'>): UserId =>
  person

/** The same caller, who uses this mailbox, one of those of the connection. */
export const inMailbox = (caller: Caller, { userId, level }: Mailbox): Caller => {
  const person = personOf(caller)
  return { ...caller, userId, level, person: userId === person ? undefined : person }
}

/** The tokens that `/mcp` accepts. */
export interface BearerTokens {
  /**
   * Undefined for every token that is not a live one of ours for `/mcp`; ERR_ACCOUNT_BLOCKED for a
   * blocked account, ERR_NOT_ALLOWED for one that the allow list does not name. Notes that the person is active, at most once a minute. A revocation counts from the
   * next call on: nothing is remembered. `patience`: see `Prepared`.
   */
  verify(token: string, patience?: Patience): Promise<Caller | undefined>
  /**
   * Whether what was verified once would be again; of an OAuth token that has had its time, whether its client has
   * another one on the same consent. Notes nothing.
   */
  isLive(access: Access): Promise<boolean>
}

export interface BearerTokensParts {
  readonly store: Store
  readonly personalTokens: PersonalTokens
  readonly clock: Clock
  /** Whether the operator lets the owner of an account in; everybody, if absent. */
  readonly allowsAccount?: AllowedPeople['allowsAccount']
  /** The only audience that is accepted (RFC 8707), `${publicUrl}/mcp`. */
  readonly resource: string
}

/** What oidc-provider stores of an opaque access token, as far as it matters here. */
const StoredToken = z.object({
  aud: z.string(),
  clientId: z.string(),
  grantId: z.string().optional(),
  scope: z.string().default(''),
  exp: z.number(),
  extra: z.object({ mailboxes: z.array(z.string()).optional() }).default({})
})

/** The alphabet of a bearer token (RFC 6750 §2.1), and a length beyond which nothing of ours goes. */
const SHAPE = /^[\w.~+/=-]{20,256}$/

/** `last_seen_at` is for people; a write on every call would be too much for that. */
const SEEN_EVERY_MS = 60_000

export function createBearerTokens(parts: BearerTokensParts): BearerTokens {
  const { store, personalTokens, clock, resource } = parts
  const byId = store.prepared(
    store.db
      .selectFrom('oauth')
      .innerJoin('users', 'users.id', 'oauth.user_id')
      .select(['oauth.payload', ...OWNER])
      .where('oauth.model', '=', 'AccessToken')
      .where('oauth.id', '=', '')
  )

  const noteVisit = oncePerKey(async (userId: string) => {
    await store.db
      .updateTable('users')
      .set({ last_seen_at: clock.now() })
      .where('id', '=', userId)
      .execute()
  })

  const visited = ({ id, last_seen_at }: Pick<UserRow, 'id' | 'last_seen_at'>): void => {
    if (Math.abs(clock.now() - last_seen_at) >= SEEN_EVERY_MS) noteVisit(id)
  }

  const usable = createUsableMailboxes(parts)
  const isLive = createLiveness(parts)
  const whyNot = whyNotFor(parts.allowsAccount)
  const refuse = (owner: Owner): void => {
    const why = whyNot(owner)
    if (why) throw why
  }

  /** The caller in the first of these mailboxes that may be used; undefined when there is none any more. */
  const inChosen = (caller: Caller, chosen: readonly ChosenMailbox[]): Caller | undefined => {
    const [home, ...others] = chosen.filter((owner) => !whyNot(owner))
    for (const owner of home ? [] : chosen) refuse(owner)
    if (!home) return undefined
    const several: SeveralMailboxes = [home, ...others]
    return inMailbox({ ...caller, ...(others.length > 0 && { several }) }, home)
  }

  const verifyOAuth = async (token: string, patience: Patience): Promise<Caller | undefined> => {
    const accessId = hashedId(token)
    const [row] = await (patience === 'soon' ? byId.soon : byId)('AccessToken', accessId)
    if (!row) return undefined
    const stored = StoredToken.parse(JSON.parse(row.payload))
    const level = highestLevel(stored.scope.split(' '))
    if (!level || stored.aud !== resource || stored.exp * 1000 <= clock.now()) return undefined
    refuse(row)
    visited(row)
    const caller = {
      userId: asUserId(row.id),
      clientId: stored.clientId,
      level,
      expiresAt: stored.exp,
      credential: 'oauth' as const,
      accessId,
      grantId: stored.grantId
    }
    const { mailboxes: chosen } = stored.extra
    if (!chosen) return caller
    return inChosen(caller, await usable(row, level, chosen, patience))
  }

  const verifyPersonal = async (token: string, patience: Patience): Promise<Caller | undefined> => {
    const record = await personalTokens.verify(token, patience)
    if (!record) return undefined
    refuse(record.owner)
    visited(record.owner)
    return {
      userId: record.userId,
      clientId: 'personal-token',
      level: record.level,
      expiresAt: Math.floor(record.expiresAt / 1000),
      credential: 'personal',
      accessId: record.id
    }
  }

  return {
    async verify(token, patience) {
      if (!SHAPE.test(token)) return undefined
      return token.startsWith(PERSONAL_TOKEN_PREFIX)
        ? verifyPersonal(token, patience)
        : verifyOAuth(token, patience)
    },

    isLive
  }
}

type Owner = Pick<UserRow, 'state' | 'email' | 'hd'>

/** Tells why the owner of an account, or of a mailbox, is not let in; undefined when they are. */
const whyNotFor =
  (allowsAccount: BearerTokensParts['allowsAccount']) =>
  (owner: Owner): GatewayError | undefined => {
    if (owner.state === 'blocked')
      return new GatewayError('ERR_ACCOUNT_BLOCKED', 'An operator blocked this account.')
    if (allowsAccount?.(owner) === false)
      return new GatewayError('ERR_NOT_ALLOWED', 'This account may not use this gateway any more.')
    return undefined
  }

const OWNER = ['users.id', 'users.email', 'users.hd', 'users.state', 'users.last_seen_at'] as const
