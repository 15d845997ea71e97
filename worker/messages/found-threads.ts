/** Conversations as a search shows them. */
import * as z from 'zod'
import { ToolError } from '#shared/tool-error.ts'
import { awaitingReply } from '../gmail/awaiting-reply.ts'
import type { Thread } from '../gmail/mailbox.ts'
import { readEnvelope } from '../gmail/read-message.ts'
import { lastMessage } from '../gmail/reply-headers.ts'
import { flag } from '../tool-kit/coerce.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import { ellipsis, RESULT_CHARS } from '../tool-kit/truncate.ts'
import { fence } from '../tool-kit/untrusted-fence.ts'
import { theirs } from '../tool-kit/untrusted-fields.ts'
import { ExpandedMessage, expandThread } from './expanded-thread.ts'

/** One conversation. */
export const FoundThread = z.object({
  id: z.string(),
  subject: theirs(z.string()).optional(),
  participants: theirs(z.array(z.string())).optional(),
  messageCount: z.number().optional().describe('Without drafts'),
  draftCount: z.number().optional().describe('Drafts that were not sent'),
  lastDate: z.string().optional().describe('ISO 8601, UTC'),
  snippet: theirs(z.string()).optional(),
  unread: z.boolean().optional(),
  lastFromMe: z.boolean().optional(),
  messages: z
    .array(ExpandedMessage)
    .optional()
    .describe('With expandThreads: newest last, 5 at most')
})
type Found = z.input<typeof FoundThread>

const MAX_PARTICIPANTS = 8
/** What is told of a conversation that is expanded, besides its messages. */
const SUMMARY_CHARS = 400

export interface ThreadSearch {
  /** A Gmail search. */
  readonly query: string
  /** From 1 to 50. */
  readonly maxResults: number
  readonly pageToken: string | undefined
  readonly includeSpamTrash: boolean
  /** `ids` costs 10 units of quota for the page, `summary` 40 more for each conversation. */
  readonly detail: 'ids' | 'summary'
  /** With the words of the newest messages of each, which costs no more quota. */
  readonly expand: boolean
}

/** The argument for it. */
export const expandThreads = flag().default(false).describe('With the newest messages')

export interface FoundThreads {
  readonly threads: Found[]
  readonly nextPageToken?: string
}

/** One page of a search, in Gmail's order. Throws a ToolError. */
export async function findThreads(search: ThreadSearch, call: ToolCall): Promise<FoundThreads> {
  const { query, maxResults, pageToken, includeSpamTrash, detail, expand } = search
  const page = await call.context.mailbox.call(
    'threads.list',
    { q: query, maxResults, includeSpamTrash, ...(pageToken && { pageToken }) },
    call.signal
  )
  const ids = (page.threads ?? []).map(({ id }) => id ?? '')
  const room = RESULT_CHARS / Math.max(1, ids.length)
  const field = Math.max(40, Math.min(expand ? 100 : room, Math.floor((room - 120) / 3)))
  const threads =
    detail === 'ids' && !expand
      ? ids.map((id) => ({ id }))
      : (
          await Promise.all(
            ids.map((id) => summary(id, { field, room: expand ? room - SUMMARY_CHARS : 0 }, call))
          )
        ).filter((each) => each !== undefined)
  const { nextPageToken } = page
  return { threads, ...(nextPageToken && { nextPageToken }) }
}

/** Undefined when the thread was deleted after the search. */
async function summary(
  id: string,
  { field, room }: { readonly field: number; readonly room: number },
  call: ToolCall
): Promise<Found | undefined> {
  const { context, signal } = call
  try {
    const thread = await context.mailbox.call('threads.get', { id, format: 'full' }, signal)
    const found = describe(thread, id, field, context.mailbox.address)
    return room > 0 ? { ...found, messages: await expandThread(thread, room, call) } : found
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
    lastFromMe: awaitingReply(thread, own) === 'them'
  }
}

function wordsOf({ messages, snippet }: Found): string[] {
  if (!messages) return snippet ? [`   ${snippet}`] : []
  return messages.map(({ id, from, date = '', body, truncated }) => {
    const more = truncated ? '\n[cut: see read_email]' : ''
    return `   --- message ${id} | ${from} | ${date}\n${body}${more}`
  })
}

/** The page as text, with the words of others in a fence. */
export function threadsText({ threads, nextPageToken }: FoundThreads, nonce: string): string {
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
      ...wordsOf(thread)
    ]
      .filter((line) => line !== '')
      .join('\n')
  })
  const tail = nextPageToken ? `\nNext page: pageToken ${nextPageToken}` : ''
  return `${threads.length} conversations.\n${fence(nonce, lines.join('\n'))}${tail}`
}
