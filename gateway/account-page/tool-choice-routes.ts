import type { FastifyPluginAsync } from 'fastify'
import * as z from 'zod'
import { GatewayError } from '#shared/errors.ts'
import type { UserId } from '#shared/ids.ts'
import { PersonPolicy } from '#shared/tool-policy.ts'
import type { NoteChange } from '../accounts/account-change.ts'
import type { AccountChoices } from '../accounts/account-choices.ts'
import type { Accounts } from '../accounts/accounts.ts'
import { ACCOUNT_PATH } from '../sign-in/confirmations.ts'
import { ticked } from '../web/csrf.ts'
import type { SignedInForm } from './signed-in-form.ts'

export interface ToolChoiceParts {
  readonly act: SignedInForm
  readonly accounts: Pick<Accounts, 'find'>
  readonly choices: AccountChoices
  readonly note: NoteChange
  readonly onPolicyChanged: (userId: UserId) => void
}

const { set, modes, confirm } = PersonPolicy.shape
const Choice = z.object({
  set,
  modes: z.preprocess(ticked, modes),
  confirm: z.preprocess(ticked, confirm)
})

/** The form with which a person says what tools may do for them. It can only narrow what the operator allows. */
export const toolChoiceRoutes: FastifyPluginAsync<ToolChoiceParts> = async (
  scope,
  { act, accounts, choices, note, onPolicyChanged }
) => {
  scope.post(
    `${ACCOUNT_PATH}/tools`,
    act(async ({ userId }, request) => {
      const choice = Choice.parse(request.body)
      if (!(await accounts.find(userId)))
        throw new GatewayError('ERR_FORM', 'Connect your Gmail first.')
      const target = [choice.set, ...choice.modes, ...choice.confirm].join(' ')
      await note({ userId, action: 'choose_tools', target, requestId: request.id })
      await choices.choose(userId, choice)
      onPolicyChanged(userId)
    })
  )
}
