import * as z from 'zod'
import { levelGrantedBy } from '#shared/access-levels.ts'
import { READS } from './schemas.ts'
import { defineTool } from './tool.ts'

export const getProfile = defineTool({
  name: 'get_profile',
  title: 'Show the account',
  description:
    'Shows which Gmail account this is, how much mail it holds, what Google grants, and what is left of the quota. Also tells whether Gmail can be reached.',
  level: 'gmail.read',
  annotations: READS,
  input: z.object({}),
  output: z.object({
    emailAddress: z.string(),
    messagesTotal: z.number(),
    threadsTotal: z.number(),
    historyId: z.string(),
    scopes: z.array(z.string()),
    level: z.string().optional().describe('The highest access level that these scopes allow'),
    mode: z.string(),
    quotaUnitsLeft: z.number().describe('To be spent without waiting')
  }),
  async run(_, { context, signal }) {
    const profile = await context.mailbox.call('getProfile', {}, signal)
    const scopes = [...context.grantedScopes()]
    const level = levelGrantedBy(scopes)
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
