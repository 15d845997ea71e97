import type { FastifyReply, FastifyRequest } from 'fastify'
import * as z from 'zod'
import { GatewayError } from '#shared/errors.ts'
import { asUserId, type UserId } from '#shared/ids.ts'
import type { Accounts } from '../accounts/accounts.ts'
import type { SealedCookies } from './sealed-cookies.ts'

/** Who is signed in on the account page, as Google said. They need not have an account here yet. */
export interface Visitor {
  readonly userId: UserId
  readonly email: string
}

/** The account page's own sign-in: a sealed cookie, half an hour long. */
export interface AccountSession {
  begin(reply: FastifyReply, visitor: Visitor): Promise<void>
  /**
   * Rejects with ERR_ACCOUNT_BLOCKED for a blocked account: it may not even erase itself, or it could
   * come back as a new one.
   */
  find(request: FastifyRequest): Promise<Visitor | undefined>
  end(reply: FastifyReply): void
}

const LIFE_SECONDS = 1800

const Content = z.object({ userId: z.string().min(1), email: z.string() })

export interface AccountSessionParts {
  readonly cookies: SealedCookies
  readonly accounts: Pick<Accounts, 'find'>
}

export function createAccountSession({ cookies, accounts }: AccountSessionParts): AccountSession {
  const name = cookies.name('account')
  return {
    async begin(reply, { userId, email }) {
      const sealed = await cookies.seal('account', { userId, email }, LIFE_SECONDS)
      reply.setCookie(name, sealed, { ...cookies.attributes, maxAge: LIFE_SECONDS })
    },
    async find(request) {
      const sealed = request.cookies[name]
      if (sealed === undefined) return undefined
      const content = Content.safeParse(await cookies.open('account', sealed))
      if (!content.success) return undefined
      const userId = asUserId(content.data.userId)
      if ((await accounts.find(userId))?.state === 'blocked') {
        throw new GatewayError('ERR_ACCOUNT_BLOCKED', 'An operator blocked this account.')
      }
      return { userId, email: content.data.email }
    },
    end(reply) {
      reply.clearCookie(name, cookies.attributes)
    }
  }
}
