import * as z from 'zod'
import { ADDS } from '../tool-kit/schemas.ts'
import { defineSignInTool } from './define-sign-in-tool.ts'
import { howTo, LINK_INPUT, newLink } from './sign-in-link.ts'

export const getAuthUrl = defineSignInTool({
  name: 'get_auth_url',
  title: 'Get a link to sign in',
  description:
    'Makes a one-time link with which the user connects their Gmail to this session, gives it more access, or signs in again after needs_reauth. Show the link to the user; an earlier link stops working. The sign-in ends with check_authentication.',
  annotations: ADDS,
  input: z.object(LINK_INPUT),
  output: z.object({
    authUrl: z.string(),
    expiresAt: z.string().describe('ISO 8601'),
    authRequestId: z.string(),
    scopes: z.array(z.string()).describe('What Google will be asked for')
  }),
  async run(wish, call) {
    const structured = await newLink(call, wish)
    return { structured, text: howTo(structured.authUrl) }
  }
})
