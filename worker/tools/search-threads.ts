import * as z from 'zod'
import type { Thread } from '../gmail/methods.ts'
import { lastMessage } from '../gmail/parent.ts'
import { readEnvelope } from '../gmail/read-message.ts'
import { withDates } from '../gmail/search-dates.ts'
import { whoseTurn } from '../gmail/whose-turn.ts'
import { ToolError } from '../tool-error.ts'
import { ellipsis, RESULT_CHARS } from './budget.ts'
import { flag, int } from './coerce.ts'
import type { ToolCall } from './context.ts'
import { fence } from './fence.ts'
import { READS } from './schemas.ts'
import { dateInput, hints, hintsFor, withHints } from './search-input.ts'
import { theirs } from './theirs.ts'
import { defineTool } from './tool.ts'

const Found = z.object({
  id: z.string(),
  subject: theirs(z.string()).optional(),
  participants: theirs(z.array(z.string())).optional(),
  messageCount: z.number().optional().describe('Without drafts'),
  draftCount: z.number().optional().describe('Drafts that were not sent'),
  lastDate: z.string().optional().describe('ISO 8601, UTC'),
  snippet: theirs(z.string()).optional(),
  unread: z.boolean().optional(),
  lastFromMe: z.boolean().optional()
})
type Found = z.input<typeof Found>

const MAX_PARTICIPANTS = 8

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
    detail: z.enum(['ids', 'summary']).default('summary').describe('ids is cheaper')
  }),
  output: z.object({ threads: z.array(Found), nextPageToken: z.string().optional(), hints }),
  async run(
    { query: words, after, before, timeZone, maxResults, pageToken, includeSpamTrash, detail },
    call
  ) {
    const { context, signal } = call
    const query = withDates(words, { after, before, timeZone })
    const page = await context.mailbox.call(
      'threads.list',
      { q: query, maxResults, includeSpamTrash, ...(pageToken && { pageToken }) },
      signal
    )
    const ids = (page.threads ?? []).map(({ id }) => id ?? '')
    const field = Math.max(40, Math.floor((RESULT_CHARS / Math.max(1, ids.length) - 120) / 3))
    const threads =
      detail === 'ids'
        ? ids.map((id) => ({ id }))
        : (await Promise.all(ids.map((id) => summary(id, field, call)))).filter(
            (each) => each !== undefined
          )
    const { nextPageToken } = page
    const told = await hintsFor(words, call)
    const structured = {
      threads,
      ...(nextPageToken && { nextPageToken }),
      ...(told.length > 0 && { hints: told })
    }
    return { structured, text: withHints(asText(structured, context.nonce()), told) }
  }
})

/** Undefined when the thread was deleted after the search. */
async function summary(id: string, field: number, call: ToolCall): Promise<Found | undefined> {
  const { context, signal } = call
  try {
    const thread = await context.mailbox.call('threads.get', { id, format: 'metadata' }, signal)
    return describe(thread, id, field, context.mailbox.address)
  } catch (error) {
    if (error instanceof ToolError && error.code === 'not_found') return undefined
    throw error
  }
}

function describe(thread: Thread, id: string, field: number, own: string): Found {
  const all = thread.messages ?? []
  const sent = all.filter(({ labelIds }) => !labelIds?.includes('DRAFT'))
  const shown = (sent.length > 0 ? sent : all).map(readEnvelope)
  const last = readEnvelope(lastMessage(thread) ?? all.at(-1) ?? {})
  const people = [...new Set(shown.map(({ from }) => from))]
  const draftCount = all.length - sent.length
  return {
    id,
    subject: ellipsis(shown[0]?.subject ?? '', field),
    participants: people.slice(0, MAX_PARTICIPANTS).map((each) => ellipsis(each, 60)),
    messageCount: sent.length,
    ...(draftCount > 0 && { draftCount }),
    ...(last.date && { lastDate: last.date }),
    snippet: ellipsis(last.snippet, field),
    unread: shown.some(({ labelIds }) => labelIds.includes('UNREAD')),
    lastFromMe: whoseTurn(thread, own) === 'them'
  }
}

function asText(
  { threads, nextPageToken }: { threads: readonly Found[]; nextPageToken?: string },
  nonce: string
): string {
  if (threads.length === 0) return 'No conversations found.'
  const lines = threads.map((thread, index) => {
    const marks = [
      `${index + 1}. thread ${thread.id}`,
      thread.messageCount === undefined ? '' : `${thread.messageCount} messages`,
      thread.draftCount === undefined ? '' : `${thread.draftCount} unsent draft`,
      thread.lastDate,
      thread.unread ? 'unread' : '',
      thread.lastFromMe ? 'last from me' : ''
    ]
    return [
      marks.filter((each) => each).join(' | '),
      thread.participants ? `   ${thread.participants.join('; ')}` : '',
      thread.subject === undefined ? '' : `   Subject: ${thread.subject || '(no subject)'}`,
      thread.snippet ? `   ${thread.snippet}` : ''
    ]
      .filter((line) => line !== '')
      .join('\n')
  })
  const tail = nextPageToken ? `\nNext page: pageToken ${nextPageToken}` : ''
  return `${threads.length} conversations.\n${fence(nonce, lines.join('\n'))}${tail}`
}
