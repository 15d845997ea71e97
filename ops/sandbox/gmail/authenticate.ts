import type { FastifyRequest } from 'fastify'
import * as z from 'zod'
import { GoogleError } from '../google-error.ts'
import type { Mailbox } from '../mailbox/mailbox.ts'
import type { AccessToken, Grants } from '../sign-in/grants.ts'

const EXPECTED =
  'Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.'
const REALM = 'Bearer realm="https://accounts.google.com/"'

const Params = z.looseObject({ userId: z.string() })

/** Who calls: the token's account, which must be the one of the path. Throws 401 or 403 as Google does. */
export function authenticate(
  { headers, params }: FastifyRequest,
  { grants, mailboxOf }: { grants: Grants; mailboxOf(sub: string): Mailbox | undefined }
): { access: AccessToken; mailbox: Mailbox } {
  const [, token] = /^Bearer (.+)$/i.exec(headers.authorization ?? '') ?? []
  if (token === undefined) {
    throw new GoogleError(
      'required',
      `Request is missing required authentication credential. ${EXPECTED}`,
      { 'www-authenticate': REALM }
    )
  }
  const access = grants.accessToken(token)
  const mailbox = access && mailboxOf(access.sub)
  if (!access || !mailbox) {
    throw new GoogleError(
      'authError',
      `Request had invalid authentication credentials. ${EXPECTED}`,
      { 'www-authenticate': `${REALM}, error="invalid_token"` }
    )
  }
  const { userId } = Params.parse(params)
  if (userId !== 'me' && userId.toLowerCase() !== mailbox.owner.email) {
    throw new GoogleError('forbidden', `Delegation denied for ${mailbox.owner.email}`)
  }
  return { access, mailbox }
}

/** Throws unless the token has one of the scopes. */
export function checkScope({ scopes }: AccessToken, anyOf: readonly string[]): void {
  if (anyOf.some((scope) => scopes.includes(scope))) return
  throw new GoogleError(
    'insufficientPermissions',
    'Request had insufficient authentication scopes.',
    { 'www-authenticate': `${REALM}, error="insufficient_scope", scope="${anyOf.join(' ')}"` }
  )
}
