import * as z from 'zod'
import { withDates } from '../gmail/search-dates.ts'
import { expandThreads, FoundThread, findThreads, threadsText } from '../messages/found-threads.ts'
import { dateInput, hints, hintsFor, withHints } from '../messages/search-input.ts'
import { flag, int } from '../tool-kit/coerce.ts'
import { defineTool } from '../tool-kit/define-tool.ts'
import { READS } from '../tool-kit/schemas.ts'

export const searchThreads = defineTool({
  name: 'search_threads',
  title: 'Search conversations',
  description:
    'Finds conversations with Gmail search operators and tells for each who takes part, how many messages it has, whether something is unread and who wrote last. Gmail counts the days of after: and before: in Pacific time; the arguments after and before take any zone.',
  level: 'gmail.read',
  annotations: READS,
  input: z.object({
    query: z.string().max(2000).default('in:inbox').describe('Gmail search'),
    ...dateInput,
    maxResults: int(1, 50).default(10).describe('Threads on this page; each costs much quota'),
    pageToken: z.string().optional().describe('nextPageToken of the page before'),
    includeSpamTrash: flag().default(false),
    detail: z.enum(['ids', 'summary']).default('summary').describe('ids is cheaper'),
    expandThreads
  }),
  output: z.object({ threads: z.array(FoundThread), nextPageToken: z.string().optional(), hints }),
  async run({ query: words, after, before, timeZone, expandThreads: expand, ...page }, call) {
    const query = withDates(words, { after, before, timeZone })
    const { maxResults, pageToken, includeSpamTrash, detail } = page
    const found = await findThreads(
      { query, maxResults, pageToken, includeSpamTrash, detail, expand },
      call
    )
    const told = await hintsFor(words, call)
    const structured = {
      ...found,
      ...(told.length > 0 && { hints: told })
    }
    return { structured, text: withHints(threadsText(found, call.context.nonce()), told) }
  }
})
