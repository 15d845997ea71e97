import * as z from 'zod'
import { expandThreads, FoundThread, findThreads, threadsText } from '../messages/found-threads.ts'
import { hints, hintsFor, withHints } from '../messages/search-input.ts'
import { flag, int } from '../tool-kit/coerce.ts'
import { defineTool } from '../tool-kit/define-tool.ts'
import { READS } from '../tool-kit/schemas.ts'

export const listInboxThreads = defineTool({
  name: 'list_inbox_threads',
  title: 'List the inbox',
  description:
    'Lists the conversations of the inbox, the newest first, as search_threads shows them; only those with unread mail, or in which somebody else wrote last.',
  level: 'gmail.read',
  annotations: READS,
  input: z.object({
    query: z.string().max(2000).default('').describe('Gmail search within the inbox'),
    maxResults: int(1, 50).default(20).describe('Threads on this page; each costs much quota'),
    pageToken: z.string().optional().describe('nextPageToken of the page before'),
    unreadOnly: flag().default(false),
    needsReply: flag().default(false).describe('Leave out those in which the account wrote last'),
    expandThreads
  }),
  output: z.object({
    threads: z.array(FoundThread),
    nextPageToken: z.string().optional(),
    leftOut: z.number().describe('Threads of this page in which the account wrote last'),
    hints
  }),
  async run({ query, maxResults, pageToken, unreadOnly, needsReply, expandThreads: expand }, call) {
    const words = ['in:inbox', unreadOnly ? 'is:unread' : '', query.trim() && `(${query.trim()})`]
    const page = await findThreads(
      {
        query: words.filter((each) => each !== '').join(' '),
        maxResults,
        pageToken,
        includeSpamTrash: false,
        detail: 'summary',
        expand
      },
      call
    )
    const threads = needsReply
      ? page.threads.filter(({ lastFromMe }) => lastFromMe === false)
      : page.threads
    const found = { ...page, threads }
    const leftOut = page.threads.length - threads.length
    const told = await hintsFor(query, call)
    const tail = leftOut > 0 ? `\n${leftOut} left out: the account wrote last in them.` : ''
    return {
      structured: { ...found, leftOut, ...(told.length > 0 && { hints: told }) },
      text: withHints(`${threadsText(found, call.context.nonce())}${tail}`, told)
    }
  }
})
