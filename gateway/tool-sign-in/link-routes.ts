import type { FastifyPluginAsync, FastifyReply } from 'fastify'
import * as z from 'zod'
import type { FlowSecrets, Google } from '../accounts/google-oidc.ts'
import {
  type AdmittanceParts,
  type GoogleResult,
  previewSignIn,
  tellDeclined
} from '../sign-in/admit-account.ts'
import { Decision } from '../sign-in/consent-decision.ts'
import type { GoogleAuthFlow, ToolPurpose } from '../sign-in/google-auth-flow.ts'
import { REFUSALS } from '../sign-in/refusal-texts.ts'
import { requireOwnForm } from '../web/csrf.ts'
import { noticePage } from '../web/notice-page.ts'
import type { SealedCookies } from '../web/sealed-cookies.ts'
import { sendPage } from '../web/send-page.ts'
import { toolLinkPage, userCodePage } from './link-page.ts'
import type { LinkedRequests } from './linked-requests.ts'

/** The link that a sign-in tool gives out. */
export const toolLinkPath = (link: string): string => `/oauth/link/${link}`

export interface ToolLinkParts extends Omit<AdmittanceParts, 'onGrantChanged'> {
  readonly requests: LinkedRequests
  readonly google: Pick<Google, 'origin' | 'finishVisit'>
  readonly visits: GoogleAuthFlow
  readonly cookies: SealedCookies
  readonly publicUrl: string
}

const Path = z.object({ link: z.string().max(100) })

/** What a person sees who follows such a link. Looking at it uses nothing up; going on to Google does. */
export const toolLinkRoutes: FastifyPluginAsync<ToolLinkParts> = async (scope, parts) => {
  const { requests, google, visits, cookies, publicUrl } = parts

  scope.get(toolLinkPath(':link'), async (request, reply) => {
    const { link } = Path.parse(request.params)
    const asked = await requests.behind(link)
    if (!asked) return sendPage(reply, 400, USED)
    const { level, clientName } = asked.wish
    const action = toolLinkPath(link)
    const page = toolLinkPage({
      action,
      formToken: cookies.formToken(action),
      clientName,
      asked: level,
      googleOrigin: google.origin
    })
    return sendPage(reply, 200, page)
  })

  scope.post(toolLinkPath(':link'), async (request, reply) => {
    const { link } = Path.parse(request.params)
    requireOwnForm(request, { cookies, publicUrl, subject: toolLinkPath(link) })
    const answer = Decision.parse(request.body)
    const asked = await requests.behind(link)
    if (!asked) return sendPage(reply, 400, USED)
    if (answer.decision === 'deny') {
      await requests.refuse(asked.id, 'denied')
      return sendPage(reply, 200, CANCELLED)
    }
    if (!(await requests.depart(asked.id))) return sendPage(reply, 400, USED)
    const { level } = answer
    const errand = { for: 'tool', request: asked.id, level, consentForced: false } as const
    try {
      return await visits.begin(reply, errand, asked.wish.loginHint)
    } catch (error) {
      await requests.comeBack(asked.id)
      throw error
    }
  })
}

/** The return from Google of somebody who followed such a link. */
export async function finishToolSignIn(
  parts: ToolLinkParts,
  reply: FastifyReply,
  callback: URL,
  visit: FlowSecrets,
  errand: ToolPurpose
): Promise<FastifyReply> {
  const { requests, google, visits } = parts
  const asked = await requests.visiting(errand.request)
  if (!asked) return sendPage(reply, 400, USED)
  const explain = async (
    reason: keyof typeof REFUSALS,
    unused?: GoogleResult
  ): Promise<FastifyReply> => {
    await requests.refuse(asked.id, 'denied', unused)
    return sendPage(reply, 403, noticePage(REFUSALS[reason]))
  }
  if (callback.searchParams.has('error')) {
    tellDeclined(parts, reply)
    return explain('declined_at_google')
  }
  const { profile, access } = await google.finishVisit(callback, visit)
  const { level: wanted, consentForced } = errand
  const named = { through: 'tool', requestId: reply.request.id }
  const arrival: GoogleResult = { profile, access, wanted, consentForced, ...named }
  const { person } = asked.wish
  if (person !== undefined && person !== profile.userId) {
    await requests.refuse(asked.id, 'wrong_account', arrival)
    return sendPage(reply, 403, OTHER_ACCOUNT)
  }
  const verdict = await previewSignIn(parts, arrival)
  if (verdict.kind === 'refused') return explain(verdict.reason, arrival)
  if (verdict.kind === 'ask_again') {
    return visits.begin(reply, { ...errand, consentForced: true }, profile.email)
  }
  const code = await requests.hold(asked.id, arrival)
  return code === undefined
    ? sendPage(reply, 400, USED)
    : sendPage(reply, 200, userCodePage(code, profile.email))
}

const USED = noticePage({
  title: 'This link is used up',
  text: [
    'It was followed before, it is too old, or a newer one has taken its place. Nothing was granted.',
    'Ask your assistant for another one.'
  ]
})

const CANCELLED = noticePage({
  title: 'Nothing was connected',
  text: ['You can close this page. Your assistant will be told.']
})

const OTHER_ACCOUNT = noticePage({
  title: 'That was another account',
  text: [
    'The session of your assistant belongs to another Google account than the one you chose. Nothing was granted.',
    'Ask your assistant for another link, and choose the account of the session.'
  ]
})
