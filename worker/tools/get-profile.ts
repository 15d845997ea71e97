import * as z from 'zod'
import { scopesWithin } from '#shared/access-levels.ts'
import { heldLevel } from '../tool-kit/access.ts'
import { defineTool } from '../tool-kit/define-tool.ts'
import { READS } from '../tool-kit/schemas.ts'

export const getProfile = defineTool({
  name: 'get_profile',
  title: 'Show the account',
  description:
    'Shows which Gmail account this is, how much mail it holds, what this application may do, and what is left of the quota. Also tells whether Gmail can be reached.',
  level: 'gmail.read',
  annotations: READS,
  input: z.object({}),
  output: z.object({
    emailAddress: z.string(),
    messagesTotal: z.number(),
    threadsTotal: z.number(),
    historyId: z.string(),
    scopes: z.array(z.string()).describe('What this application has of the scopes at Google'),
    level: z.string().optional().describe('The access level of this application'),
    mode: z.string(),
    quotaUnitsLeft: z.number().describe('To be spent without waiting')
  }),
  async run(_, { context, caller, signal }) {
    const profile = await context.mailbox.call('getProfile', {}, signal)
    const level = heldLevel(context, caller)
    const scopes = [...scopesWithin(level, context.grantedScopes())]
    const structured = {
      emailAddress: profile.emailAddress ?? context.mailbox.address,
      messagesTotal: profile.messagesTotal ?? 0,
      threadsTotal: profile.threadsTotal ?? 0,
      historyId: profile.historyId ?? '',
      scopes,
      ...(level && { level }),
      mode: 'full',
      quotaUnitsLeft: context.mailbox.unitsLeft
    }
    const text = `${structured.emailAddress}: ${structured.messagesTotal} messages in ${structured.threadsTotal} threads. Access: ${level ?? 'none'}. Quota left: ${structured.quotaUnitsLeft} units.`
    return { structured, text }
  }
})
