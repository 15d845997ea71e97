import type { FastifyReply } from 'fastify'
import type { Interaction, Provider } from 'oidc-provider'
import { ACCESS_LEVELS, type AccessLevel, covers } from '#shared/access-levels.ts'
import { GatewayError } from '#shared/errors.ts'
import type { UserId } from '#shared/ids.ts'
import type { Google, GoogleVisit } from '../accounts/google.ts'
import { type AdmittanceParts, admitPerson, tellDeclined } from './admittance.ts'
import type { ClientErrand, GoogleVisits } from './google-visits.ts'
import { noticePage } from './pages/notice-page.ts'
import { formTarget } from './pages/page.ts'
import { REFUSALS } from './pages/refusals.ts'
import { sendPage } from './pages/send-page.ts'
import { consentPath, resourceOf } from './provider.ts'
import type { SealedCookies } from './sealed-cookies.ts'

export interface ClientSignInParts extends AdmittanceParts {
  readonly provider: Provider
  readonly google: Google
  readonly visits: GoogleVisits
  readonly cookies: SealedCookies
  readonly publicUrl: string
}

/** The part of a client's authorization request that comes back from Google. */
export interface ClientSignIn {
  /** `callback` is the address as Google called it. */
  finish(
    reply: FastifyReply,
    callback: URL,
    visit: GoogleVisit,
    errand: ClientErrand
  ): Promise<FastifyReply>
}

export function createClientSignIn(parts: ClientSignInParts): ClientSignIn {
  const { provider, google, visits, cookies, publicUrl } = parts

  const explain = (
    reply: FastifyReply,
    interaction: Interaction,
    reason: keyof typeof REFUSALS
  ): FastifyReply => {
    const action = consentPath(interaction.uid)
    const target = formTarget(String(interaction.params.redirect_uri))
    const page = noticePage({
      ...REFUSALS[reason],
      tryAgain: action,
      giveUp: {
        action,
        formToken: cookies.formToken(action),
        formTargets: target ? [target] : []
      }
    })
    return sendPage(reply, 403, page)
  }

  return {
    async finish(reply, callback, visit, errand) {
      const interaction = await provider.Interaction.find(errand.uid)
      // Gone when the code was issued; has a result when it was decided and the browser is on its way.
      if (!interaction || interaction.result) throw expired()
      if (callback.searchParams.has('error')) {
        tellDeclined(parts, reply)
        return explain(reply, interaction, 'declined_at_google')
      }
      const { profile, access } = await google.finishVisit(callback, visit)
      const outcome = await admitPerson(parts, {
        profile,
        access,
        wanted: errand.level,
        consentForced: errand.consentForced,
        through: String(interaction.params.client_id),
        requestId: reply.request.id
      })
      if (outcome.kind === 'refused') return explain(reply, interaction, outcome.reason)
      if (outcome.kind === 'ask_again') {
        return visits.begin(reply, { ...errand, consentForced: true }, profile.email)
      }
      const { userId, level } = outcome
      await grantToClient(provider, resourceOf(publicUrl), interaction, userId, level)
      const target = String(interaction.params.client_id)
      parts.tell({ userId, action: 'consent', target, level, requestId: reply.request.id })
      return reply.redirect(interaction.returnTo, 303)
    }
  }
}

/**
 * Notes the outcome in the authorization request. Its scope becomes what was granted: a client that asked
 * for nothing gets the default, one that asked for more gets what the person and Google gave.
 */
async function grantToClient(
  provider: Provider,
  resource: string,
  interaction: Interaction,
  userId: UserId,
  level: AccessLevel
): Promise<void> {
  const asked = String(interaction.params.scope ?? '').split(' ')
  const general = asked.filter((scope) => scope === 'openid' || scope === 'offline_access')
  const levels = ACCESS_LEVELS.filter((lower) => covers(level, lower))
  const clientId = String(interaction.params.client_id)
  const grant = new provider.Grant({ accountId: userId, clientId })
  if (general.length > 0) grant.addOIDCScope(general.join(' '))
  grant.addResourceScope(resource, levels.join(' '))
  interaction.params.scope = [...general, ...levels].join(' ')
  interaction.result = {
    login: { accountId: userId, remember: false },
    consent: { grantId: await grant.save() },
    select_account: {}
  }
  await interaction.persist()
}

const expired = () =>
  new GatewayError(
    'ERR_SIGN_IN',
    'This sign-in has expired or was finished already. Please start again in your application.'
  )
