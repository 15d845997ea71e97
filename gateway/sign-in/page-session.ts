import { randomBytes } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import * as z from 'zod'
import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import { asUserId, type UserId } from '#shared/ids.ts'
import type { Accounts } from '../accounts/accounts.ts'
import { hashedId } from '../store/hashed-id.ts'
import type { Store } from '../store/store.ts'
import type { SealedCookies } from '../web/sealed-cookies.ts'

/** Who is signed in on the account page, as Google said. They need not have an account here yet. */
export interface PageUser {
  readonly userId: UserId
  readonly email: string
  /** When they came from Google; ms since the epoch. */
  readonly signedInAt: number
}

/**
 * The account page's own sign-in: a sealed cookie, half an hour long, that counts only while it is known here. So a copy
 * of it is worth nothing after "Sign out".
 */
export interface AccountSession {
  begin(reply: FastifyReply, visitor: Omit<PageUser, 'signedInAt'>): Promise<void>
  /**
   * Rejects with ERR_ACCOUNT_BLOCKED for a blocked account: it may not even erase itself, or it could
   * come back as a new one.
   */
  find(request: FastifyRequest): Promise<PageUser | undefined>
  end(request: FastifyRequest, reply: FastifyReply): Promise<void>
}

const LIFE_SECONDS = 1800
const ID_BYTES = 16
/** Its kind among the stored rows of sign-in, which the upkeep and the erasing of an account take along. */
const MODEL = 'AccountSession'

const Content = z.object({
  id: z.string().min(1),
  userId: z.string().min(1),
  email: z.string(),
  signedInAt: z.number()
})

export interface AccountSessionParts {
  readonly cookies: SealedCookies
  readonly accounts: Pick<Accounts, 'find'>
  readonly store: Pick<Store, 'db'>
  readonly clock: Clock
}

export function createAccountSession(parts: AccountSessionParts): AccountSession {
  const { cookies, accounts, clock } = parts
  const { db } = parts.store
  const name = cookies.name('account')

  const contentOf = async (request: FastifyRequest) => {
    const sealed = request.cookies[name]
    if (sealed === undefined) return undefined
    return Content.safeParse(await cookies.open('account', sealed)).data
  }

  const isKnown = async (id: string): Promise<boolean> => {
    const row = await db
      .selectFrom('oauth')
      .select('id')
      .where('model', '=', MODEL)
      .where('id', '=', hashedId(id))
      .where('expires_at', '>', clock.now())
      .executeTakeFirst()
    return row !== undefined
  }

  return {
    async begin(reply, { userId, email }) {
      const id = randomBytes(ID_BYTES).toString('base64url')
      const now = clock.now()
      await db
        .insertInto('oauth')
        .values({
          model: MODEL,
          id: hashedId(id),
          payload: '{}',
          grant_id: null,
          uid: null,
          user_id: userId,
          client_id: null,
          created_at: now,
          consumed_at: null,
          expires_at: now + LIFE_SECONDS * 1000
        })
        .execute()
      const content = { id, userId, email, signedInAt: now }
      const sealed = await cookies.seal('account', content, LIFE_SECONDS)
      reply.setCookie(name, sealed, { ...cookies.attributes, maxAge: LIFE_SECONDS })
    },

    async find(request) {
      const content = await contentOf(request)
      if (!content || !(await isKnown(content.id))) return undefined
      const userId = asUserId(content.userId)
      if ((await accounts.find(userId))?.state === 'blocked') {
        throw new GatewayError('ERR_ACCOUNT_BLOCKED', 'An operator blocked this account.')
      }
      return { userId, email: content.email, signedInAt: content.signedInAt }
    },

    async end(request, reply) {
      const content = await contentOf(request)
      if (content) {
        await db
          .deleteFrom('oauth')
          .where('model', '=', MODEL)
          .where('id', '=', hashedId(content.id))
          .execute()
      }
      reply.clearCookie(name, cookies.attributes)
    }
  }
}
