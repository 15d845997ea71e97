import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import type { Interaction, Provider } from 'oidc-provider'
import * as z from 'zod'
import { type AccessLevel, highestLevel } from '#shared/access-levels.ts'
import { GatewayError } from '#shared/errors.ts'
import type { Google } from '../accounts/google-oidc.ts'
import { Decision } from '../sign-in/consent-decision.ts'
import type { GoogleAuthFlow } from '../sign-in/google-auth-flow.ts'
import type { AccountSession } from '../sign-in/page-session.ts'
import { requireOwnForm } from '../web/csrf.ts'
import type { SealedCookies } from '../web/sealed-cookies.ts'
import { sendPage } from '../web/send-page.ts'
import type { ServiceIdentity } from '../web/service-identity.ts'
import { consentPage } from './consent-page.ts'
import { consentPath } from './provider.ts'

export interface ConsentParts {
  readonly provider: Provider
  readonly google: Pick<Google, 'origin'>
  readonly visits: GoogleAuthFlow
  readonly session: Pick<AccountSession, 'find'>
  readonly service: ServiceIdentity
  readonly cookies: SealedCookies
  readonly publicUrl: string
  readonly defaultLevel: AccessLevel
}

const Path = z.object({ uid: z.string().max(100) })

/** The page that asks about each client before Google is visited, and its answer. */
export const consentRoutes: FastifyPluginAsync<ConsentParts> = async (scope, parts) => {
  const { provider, google, visits, session, cookies, publicUrl, defaultLevel } = parts

  const wantedLevel = (interaction: Interaction): AccessLevel =>
    highestLevel(String(interaction.params.scope ?? '').split(' ')) ?? defaultLevel

  scope.get(consentPath(':uid'), async (request, reply) => {
    const interaction = await interactionOf(provider, request, reply)
    const clientId = String(interaction.params.client_id)
    const client = await provider.Client.find(clientId)
    const action = consentPath(interaction.uid)
    const page = consentPage({
      action,
      formToken: cookies.formToken(action),
      service: parts.service,
      client: { id: clientId, name: client?.clientName },
      redirectUri: String(interaction.params.redirect_uri),
      asked: wantedLevel(interaction),
      email: (await session.find(request))?.email,
      googleOrigin: google.origin
    })
    return sendPage(reply, 200, page)
  })

  scope.post(consentPath(':uid'), async (request, reply) => {
    const interaction = await interactionOf(provider, request, reply)
    requireOwnForm(request, { cookies, publicUrl, subject: consentPath(interaction.uid) })
    const answer = Decision.parse(request.body)
    if (answer.decision === 'deny') return refuseInteraction(interaction, reply)
    return visits.begin(reply, {
      for: 'client',
      uid: interaction.uid,
      level: answer.level, // the person may give more than was asked for as well as less
      consentForced: false
    })
  })
}

/** The authorization request that this very browser has begun. Rejects with ERR_SIGN_IN when it is over, or another. */
export async function interactionOf(
  provider: Provider,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<Interaction> {
  const { uid } = Path.parse(request.params)
  const interaction = await provider.interactionDetails(request.raw, reply.raw)
  if (interaction.uid !== uid || interaction.result) throw expiredSignIn()
  return interaction
}

/** Sends the browser back to the client, which learns that the person said no. */
export async function refuseInteraction(
  interaction: Interaction,
  reply: FastifyReply
): Promise<FastifyReply> {
  interaction.result = {
    error: 'access_denied',
    error_description: 'The person did not allow this.'
  }
  await interaction.persist()
  return reply.redirect(interaction.returnTo, 303)
}

export const expiredSignIn = (): GatewayError =>
  new GatewayError(
    'ERR_SIGN_IN',
    'This sign-in has expired. Please start again in your application.'
  )
