import * as z from 'zod'
import { flag } from '../coerce.ts'
import { DESTROYS } from '../schemas.ts'
import { expect } from './call.ts'
import { defineSignInTool } from './define-sign-in-tool.ts'

export const signOut = defineSignInTool({
  name: 'sign_out',
  title: 'Sign out',
  description:
    'Ends this session; the next call needs a new one. With revoke=true all access of this service ends for the account: it is revoked at Google, and every token, session and connected client here is erased.',
  annotations: DESTROYS,
  input: z.object({
    revoke: flag().default(false).describe('Also end all access at Google and erase what is stored')
  }),
  output: z.object({
    signedOut: z.boolean(),
    revoked: z.boolean().describe('Whether Google has confirmed')
  }),
  async run({ revoke }, { ask }) {
    const { revoked } = expect(await ask({ ask: 'sign-out', revoke }), 'signed-out')
    const atGoogle = revoked
      ? ' Access at Google is revoked, and everything stored here is erased.'
      : revoke
        ? ' Everything stored here is erased, but Google could not be told; remove the access at myaccount.google.com/connections.'
        : ''
    return { structured: { signedOut: true, revoked }, text: `Signed out.${atGoogle}` }
  }
})
