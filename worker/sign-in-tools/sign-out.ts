import * as z from 'zod'
import { flag } from '../tool-kit/coerce.ts'
import { DESTROYS } from '../tool-kit/schemas.ts'
import { defineSignInTool } from './define-sign-in-tool.ts'
import { expect } from './sign-in-call.ts'

export const signOut = defineSignInTool({
  name: 'sign_out',
  title: 'Sign out',
  description:
    'Ends this session; the next call needs a new one. With revoke=true all access of this application ends. Where it has the level gmail.full, all access of this service ends then for the account: it is revoked at Google, and every token, session and connected client here is erased.',
  annotations: DESTROYS,
  input: z.object({
    revoke: flag()
      .default(false)
      .describe('Also end the access of this application, with gmail.full all access')
  }),
  output: z.object({
    signedOut: z.boolean(),
    ended: z.enum(['session', 'application', 'account']).describe('What ended'),
    revoked: z.boolean().describe('Whether Google has confirmed')
  }),
  async run({ revoke }, { ask }) {
    const { ended, revoked } = expect(await ask({ ask: 'sign-out', revoke }), 'signed-out')
    const text =
      `Signed out. ${WHAT_ENDED[ended]}${ended === 'account' && !revoked ? NOT_TOLD : ''}`.trim()
    return { structured: { signedOut: true, ended, revoked }, text }
  }
})

const WHAT_ENDED = {
  session: '',
  application:
    'All access of this application has ended. What other applications have goes on; the user ends it on the account page of this service.',
  account: 'All access has ended, and everything stored here is erased.'
} as const

const NOT_TOLD =
  ' Google could not be told; the user should remove the access at myaccount.google.com/connections.'
