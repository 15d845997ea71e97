import type { FastifyReply } from 'fastify'
import type { Interaction } from 'oidc-provider'
import { GatewayError } from '#shared/errors.ts'
import type { FlowSecrets, Google } from '../accounts/google-oidc.ts'
import { type AdmittanceParts, admitAccount, tellDeclined } from '../sign-in/admit-account.ts'
import type { ClientPurpose, GoogleAuthFlow } from '../sign-in/google-auth-flow.ts'
import { REFUSALS } from '../sign-in/refusal-texts.ts'
import { noticePage } from '../web/notice-page.ts'
import { formTarget } from '../web/page.ts'
import { sendPage } from '../web/send-page.ts'
import { grantToClient } from './client-grant.ts'
import { askForMailbox, type MailboxChoiceParts } from './mailbox-choice.ts'
import { consentPath } from './provider.ts'

export interface ClientSignInParts extends AdmittanceParts, MailboxChoiceParts {
  readonly accounts: AdmittanceParts['accounts'] & MailboxChoiceParts['accounts']
  readonly google: Google
  readonly visits: GoogleAuthFlow
}

/** The part of a client's authorization request that comes back from Google. */
export interface ClientSignIn {
  /** `callback` is the address as Google called it. */
  finish(
    reply: FastifyReply,
    callback: URL,
    visit: FlowSecrets,
    errand: ClientPurpose
  ): Promise<FastifyReply>
}

export function createClientSignIn(parts: ClientSignInParts): ClientSignIn {
  const { provider, google, visits, cookies } = parts

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
      const outcome = await admitAccount(parts, {
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
      const { uid } = interaction
      if (await askForMailbox(parts, reply, interaction, { uid, userId, level })) return reply
      await grantToClient(parts, interaction, { userId, level }, reply.request.id)
      return reply.redirect(interaction.returnTo, 303)
    }
  }
}

const expired = () =>
  new GatewayError(
    'ERR_SIGN_IN',
    'This sign-in has expired or was finished already. Please start again in your application.'
  )
