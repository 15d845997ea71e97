import * as z from 'zod'
import { int } from '../tool-kit/coerce.ts'
import { ADDS } from '../tool-kit/schemas.ts'
import { defineSignInTool } from './define-sign-in-tool.ts'
import { expect } from './sign-in-call.ts'
import { STATE_OUTPUT, stateAnswer } from './sign-in-state.ts'

export const checkAuthentication = defineSignInTool({
  name: 'check_authentication',
  title: 'Check or finish a sign-in',
  description:
    'Tells how the sign-in of this session stands. With the code that the user reads from the page after agreeing at Google, it finishes the sign-in; then other tools are listed.',
  annotations: ADDS,
  input: z.object({
    code: z
      .string()
      .max(64)
      .optional()
      .describe('The short code, as the user reads it from the page'),
    waitSeconds: int(0, 55).default(0).describe('How long to wait for the user, at most'),
    authRequestId: z
      .string()
      .max(64)
      .optional()
      .describe('From get_auth_url; the latest by default')
  }),
  output: z.object(STATE_OUTPUT),
  async run({ code, waitSeconds, authRequestId }, { ask }) {
    const answer = await ask({
      ask: 'check',
      waitMs: waitSeconds * 1000,
      ...(code !== undefined && { code }),
      ...(authRequestId !== undefined && { requestId: authRequestId })
    })
    return stateAnswer(expect(answer, 'state'))
  }
})
