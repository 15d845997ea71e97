import type { FastifyRequest } from 'fastify'
import * as z from 'zod'
import type { Provider } from './provider.ts'

const Secrets = z
  .looseObject({
    code: z.string().optional(),
    refresh_token: z.string().optional(),
    token: z.string().optional(),
    access_token: z.string().optional()
  })
  .catch({})

/** The address of the account whose token or code a request presents, wherever it stands; for log and faults. */
export function tokenOwner(
  { body, query, headers }: FastifyRequest,
  { grants, accounts }: Provider
): string | undefined {
  const bearer = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1]
  const secrets = [Secrets.parse(body), Secrets.parse(query)].flatMap(
    ({ code, refresh_token, token, access_token }) => [code, refresh_token, token, access_token]
  )
  const subs = [bearer, ...secrets].map((secret) => secret && grants.ownerOf(secret))
  return accounts.find(({ sub }) => subs.includes(sub))?.email
}
