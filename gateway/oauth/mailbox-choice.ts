import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import type { Interaction } from 'oidc-provider'
import * as z from 'zod'
import { AccessLevel } from '#shared/access-levels.ts'
import { GatewayError } from '#shared/errors.ts'
import { asUserId, type UserId } from '#shared/ids.ts'
import type { Accounts } from '../accounts/accounts.ts'
import type { MailboxLinks } from '../accounts/mailbox-links.ts'
import { requireOwnForm, ticked } from '../web/csrf.ts'
import type { SealedCookies } from '../web/sealed-cookies.ts'
import { sendPage } from '../web/send-page.ts'
import { type ClientGrantParts, grantToClient } from './client-grant.ts'
import { expiredSignIn, interactionOf, refuseInteraction } from './consent-routes.ts'
import { mailboxPage } from './mailbox-page.ts'
import { consentPath } from './provider.ts'

export interface MailboxChoiceParts extends ClientGrantParts {
  readonly accounts: Pick<Accounts, 'find'>
  readonly mailboxLinks: Pick<MailboxLinks, 'of'>
  readonly cookies: SealedCookies
}

/** Who has come back from Google, and the level that they get: all that is known before the mailboxes are chosen. */
const Arrived = z.object({
  uid: z.string(),
  userId: z.string().min(1).transform(asUserId),
  level: AccessLevel
})
type Arrived = z.infer<typeof Arrived>

const LIFE_SECONDS = 600
const pathOf = (uid: string): string => `${consentPath(uid)}/mailbox`
/** A name for each, so that two clients may be let in at the same time in one browser. */
const cookieFor = (cookies: SealedCookies, uid: string): string =>
  cookies.name(`mailboxes-${uid.slice(0, 8)}`)

const Choice = z.discriminatedUnion('decision', [
  z.object({
    decision: z.literal('allow'),
    mailbox: z.preprocess(ticked, z.array(z.string().max(255).transform(asUserId)).max(100))
  }),
  z.object({ decision: z.literal('deny') })
])

const CHOOSE =
  'Choose at least one mailbox, and none that is no longer yours. Please start again in your application.'

/** Their own mailbox, then those that are linked to it and can be used. */
async function mailboxesOf({ accounts, mailboxLinks }: MailboxChoiceParts, userId: UserId) {
  const own = await accounts.find(userId)
  const linked = await mailboxLinks.of(userId)
  return own ? [own, ...linked.filter(({ state }) => state !== 'blocked')] : []
}

/** Asks which mailboxes the client may use, if there is a choice; false when there is none. */
export async function askForMailbox(
  parts: MailboxChoiceParts,
  reply: FastifyReply,
  interaction: Interaction,
  arrived: Arrived
): Promise<boolean> {
  const mailboxes = await mailboxesOf(parts, arrived.userId)
  if (mailboxes.length < 2) return false
  const { cookies, provider } = parts
  const sealed = await cookies.seal('mailboxes', arrived, LIFE_SECONDS)
  reply.setCookie(cookieFor(cookies, arrived.uid), sealed, {
    ...cookies.attributes,
    maxAge: LIFE_SECONDS
  })
  const action = pathOf(arrived.uid)
  const client = await provider.Client.find(String(interaction.params.client_id))
  const page = mailboxPage({
    action,
    formToken: cookies.formToken(action),
    client: { name: client?.clientName },
    redirectUri: String(interaction.params.redirect_uri),
    mailboxes
  })
  sendPage(reply, 200, page)
  return true
}

/** The answer to that question. */
export const mailboxChoiceRoutes: FastifyPluginAsync<MailboxChoiceParts> = async (scope, parts) => {
  const { cookies, provider, publicUrl } = parts

  /** Who has come back from Google in this very browser, for this request. */
  const arrivedIn = async (request: FastifyRequest, uid: string): Promise<Arrived> => {
    const sealed = request.cookies[cookieFor(cookies, uid)]
    const opened =
      sealed === undefined
        ? undefined
        : Arrived.safeParse(await cookies.open('mailboxes', sealed)).data
    if (opened?.uid !== uid) throw expiredSignIn()
    return opened
  }

  scope.post(pathOf(':uid'), async (request, reply) => {
    const interaction = await interactionOf(provider, request, reply)
    const { uid } = interaction
    requireOwnForm(request, { cookies, publicUrl, subject: pathOf(uid) })
    const arrived = await arrivedIn(request, uid)
    const answer = Choice.parse(request.body)
    reply.clearCookie(cookieFor(cookies, uid), cookies.attributes)
    if (answer.decision === 'deny') return refuseInteraction(interaction, reply)
    const chosen = new Set(answer.mailbox)
    const mailboxes = (await mailboxesOf(parts, arrived.userId))
      .map(({ userId }) => userId)
      .filter((userId) => chosen.delete(userId))
    if (mailboxes.length === 0 || chosen.size > 0) throw new GatewayError('ERR_FORM', CHOOSE)
    await grantToClient(parts, interaction, { ...arrived, mailboxes }, request.id)
    return reply.redirect(interaction.returnTo, 303)
  })
}
