import type { FastifyReply, FastifyRequest } from 'fastify'
import { ACCOUNT_PATH } from '../sign-in/confirmations.ts'
import type { AccountSession, Visitor } from '../sign-in/page-session.ts'
import { requireOwnForm } from '../web/csrf.ts'
import type { SealedCookies } from '../web/sealed-cookies.ts'

type Deed = (visitor: Visitor, request: FastifyRequest, reply: FastifyReply) => Promise<unknown>

/**
 * Makes a route of a deed: it runs only for a form that the signed-in person sent from our own page, and
 * leads back to the account page unless it answers by itself.
 */
export type OwnForm = (
  deed: Deed
) => (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>

export interface OwnFormParts {
  readonly session: Pick<AccountSession, 'find'>
  readonly cookies: Pick<SealedCookies, 'isFormToken'>
  readonly publicUrl: string
  /** What the form tokens of this person are issued for. */
  readonly subject: (visitor: Visitor) => string
}

export const ownFormOf =
  ({ session, cookies, publicUrl, subject }: OwnFormParts): OwnForm =>
  (deed) =>
  async (request, reply) => {
    const visitor = await session.find(request)
    if (!visitor) return reply.redirect(ACCOUNT_PATH, 303)
    requireOwnForm(request, { cookies, publicUrl, subject: subject(visitor) })
    // A deed that answers returns the reply, and awaiting a reply waits until it is sent.
    await deed(visitor, request, reply)
    return reply.sent ? reply : reply.redirect(ACCOUNT_PATH, 303)
  }
