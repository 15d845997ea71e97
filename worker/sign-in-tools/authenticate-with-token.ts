import * as z from 'zod'
import { defineSignInTool } from './define-sign-in-tool.ts'
import { expect } from './sign-in-call.ts'
import { STATE_OUTPUT, stateAnswer } from './sign-in-state.ts'

export const authenticateWithToken = defineSignInTool({
  name: 'authenticate_with_token',
  title: 'Sign in with a personal token',
  description:
    'Signs this session in with a personal token (mcp_token_...) that the user has made on the account page of this service. The session gets the account and the access level of the token.',
  annotations: {
    readOnlyHint: false,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: false
  },
  input: z.object({ sessionToken: z.string().trim().min(1).max(256) }),
  output: z.object(STATE_OUTPUT),
  async run({ sessionToken }, { ask }) {
    return stateAnswer(expect(await ask({ ask: 'token', token: sessionToken }), 'state'))
  }
})
