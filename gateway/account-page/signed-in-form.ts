import type { FastifyReply, FastifyRequest } from 'fastify'
import { ACCOUNT_PATH } from '../sign-in/confirmations.ts'
import type { AccountSession, PageUser } from '../sign-in/page-session.ts'
import { requireOwnForm } from '../web/csrf.ts'
import type { SealedCookies } from '../web/sealed-cookies.ts'

type Deed = (visitor: PageUser, request: FastifyRequest, reply: FastifyReply) => Promise<unknown>

/**
 * Makes a route of a deed: it runs only for a form that the signed-in person sent from our own page, and
 * leads back to the account page unless it answers by itself.
 */
export type SignedInForm = (
  deed: Deed
) => (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>

export interface SignedInFormParts {
  readonly session: Pick<AccountSession, 'find'>
  readonly cookies: Pick<SealedCookies, 'isFormToken'>
  readonly publicUrl: string
  /** What the form tokens of this person are issued for. */
  readonly subject: (visitor: PageUser) => string
}

export const signedInForm =
  ({ session, cookies, publicUrl, subject }: SignedInFormParts): SignedInForm =>
  (deed) =>
  async (request, reply) => {
    const visitor = await session.find(request)
    if (!visitor) return reply.redirect(ACCOUNT_PATH, 303)
    requireOwnForm(request, { cookies, publicUrl, subject: subject(visitor) })
    // A deed that answers returns the reply, and awaiting a reply waits until it is sent.
    await deed(visitor, request, reply)
    return reply.sent ? reply : reply.redirect(ACCOUNT_PATH, 303)
  }
