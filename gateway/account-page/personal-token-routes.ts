import type { FastifyPluginAsync } from 'fastify'
import * as z from 'zod'
import { AccessLevel, covers } from '#shared/access-levels.ts'
import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import type { UserId } from '#shared/ids.ts'
import type { NoteChange } from '../accounts/account-change.ts'
import { type PersonalTokens, TOKENS_PER_PERSON } from '../accounts/personal-tokens.ts'
import { ACCOUNT_PATH } from '../sign-in/confirmations.ts'
import type { GoogleAuthFlow } from '../sign-in/google-auth-flow.ts'
import { sendPage } from '../web/send-page.ts'
import { TOKEN_HOURS } from './account-page.ts'
import type { SignedInForm } from './signed-in-form.ts'
import { newTokenPage } from './token-pages.ts'

export interface PersonalTokenRoutesParts {
  readonly act: SignedInForm
  readonly personalTokens: PersonalTokens
  readonly visits: Pick<GoogleAuthFlow, 'begin'>
  readonly clock: Clock
  readonly publicUrl: string
  readonly note: NoteChange
  /** The level that the stored Google grant allows; undefined without one. */
  readonly grantedLevel: (userId: UserId) => Promise<AccessLevel | undefined>
}

const HOUR_MS = 3600_000
/** A token that lives longer is worth more than half an hour at somebody's open browser. */
const LONG_HOURS = 24
/** So long somebody who has just come from Google need not go there again. */
const FRESH_MS = 300_000

const TokenId = z.object({ id: z.string().max(100) })
const NewToken = z.object({
  name: z.string().trim().min(1).max(60),
  level: AccessLevel,
  hours: z.coerce
    .number()
    .refine((hours) => TOKEN_HOURS.some(([offered]) => offered === hours), 'not offered')
})

/** The forms that make and revoke personal tokens. */
export const personalTokenRoutes: FastifyPluginAsync<PersonalTokenRoutesParts> = async (
  scope,
  { act, personalTokens, visits, clock, publicUrl, note, grantedLevel }
) => {
  scope.post(
    `${ACCOUNT_PATH}/tokens`,
    act(async ({ userId, email, signedInAt }, request, reply) => {
      const wish = NewToken.parse(request.body)
      const { name, level, hours } = wish
      const granted = await grantedLevel(userId)
      if (!granted || !covers(granted, level)) {
        throw new GatewayError('ERR_FORM', 'Connect your Gmail with this access first.')
      }
      if ((await personalTokens.list(userId)).length >= TOKENS_PER_PERSON) {
        throw new GatewayError('ERR_FORM', 'You have too many tokens. Revoke one first.')
      }
      if (hours > LONG_HOURS && clock.now() - signedInAt > FRESH_MS) {
        return visits.begin(reply, { for: 'account', token: wish, consentForced: false }, email)
      }
      const made = await personalTokens.create({ userId, name, level, ttl: hours * HOUR_MS })
      const { id: target } = made.record
      await note({ userId, action: 'create_token', target, requestId: request.id })
      return sendPage(reply, 200, newTokenPage({ ...made, mcpUrl: `${publicUrl}/mcp` }))
    })
  )

  scope.post(
    `${ACCOUNT_PATH}/tokens/revoke`,
    act(async ({ userId }, request) => {
      const { id } = TokenId.parse(request.body)
      const own = (await personalTokens.list(userId)).some((token) => token.id === id)
      if (own) await note({ userId, action: 'revoke_token', target: id, requestId: request.id })
      await personalTokens.revoke(userId, id)
    })
  )
}
