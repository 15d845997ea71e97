import type { FastifyPluginAsync } from 'fastify'
import * as z from 'zod'
import type { UserId } from '#shared/ids.ts'
import type { NoteChange } from '../accounts/account-change.ts'
import { ACCOUNT_PATH, type Confirmations } from '../sign-in/confirmations.ts'
import type { AccountSession } from '../sign-in/page-session.ts'
import { noticePage } from '../web/notice-page.ts'
import type { SealedCookies } from '../web/sealed-cookies.ts'
import { sendPage } from '../web/send-page.ts'
import { confirmPage } from './confirm-page.ts'
import type { SignedInForm } from './signed-in-form.ts'

export interface ConfirmRoutesParts {
  readonly act: SignedInForm
  readonly confirmations: Confirmations
  readonly session: Pick<AccountSession, 'find'>
  readonly cookies: Pick<SealedCookies, 'formToken'>
  readonly subject: (userId: UserId) => string
  readonly note: NoteChange
}

const Path = z.object({ id: z.string().max(100) })
const Decision = z.object({ id: z.string().max(100), decision: z.enum(['allow', 'deny']) })

/** The page on which a person allows an act of a tool, or does not. To look at it decides nothing. */
export const confirmRoutes: FastifyPluginAsync<ConfirmRoutesParts> = async (scope, parts) => {
  const { act, confirmations, session, cookies, subject, note } = parts

  scope.get(`${ACCOUNT_PATH}/confirm/:id`, async (request, reply) => {
    const { id } = Path.parse(request.params)
    const visitor = await session.find(request)
    // Whoever signs in there finds it on the page that follows.
    if (!visitor) return reply.redirect(ACCOUNT_PATH, 303)
    const { userId, email } = visitor
    const waiting = (await confirmations.waiting(userId)).find((each) => each.id === id)
    if (!waiting) return sendPage(reply, 404, GONE)
    const formToken = cookies.formToken(subject(userId))
    return sendPage(reply, 200, confirmPage({ waiting, email, formToken }))
  })

  scope.post(
    `${ACCOUNT_PATH}/confirm`,
    act(async ({ userId }, request, reply) => {
      const { id, decision } = Decision.parse(request.body)
      const isAllowed = decision === 'allow'
      if (!(await confirmations.decide(userId, id, isAllowed))) return sendPage(reply, 404, GONE)
      const action = isAllowed ? 'allow_act' : 'refuse_act'
      await note({ userId, action, target: id, requestId: request.id })
      return sendPage(reply, 200, isAllowed ? ALLOWED : REFUSED)
    })
  )
}

const GONE = noticePage({
  title: 'There is nothing to decide here',
  text: [
    'It was decided before, it is too old, or it is about another account than the one you are signed in with. Nothing was done.',
    'Ask your assistant to do it again, if you want it.'
  ]
})

const ALLOWED = noticePage({
  title: 'Allowed once',
  text: ['Go back to your assistant and tell it to go on. Anything else will ask you again.']
})

const REFUSED = noticePage({
  title: 'Nothing is done',
  text: ['You can close this page. Your assistant will be told.']
})
