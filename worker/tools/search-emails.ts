import * as z from 'zod'
import { ToolError } from '#shared/tool-error.ts'
import { isAttachment } from '../gmail/attachment.ts'
import type { Listed, Message, MessagePart } from '../gmail/mailbox.ts'
import { readEnvelope } from '../gmail/read-message.ts'
import { withDates } from '../gmail/search-dates.ts'
import { messageLocation } from '../messages/message-location.ts'
import { dateInput, hints, hintsFor, withHints } from '../messages/search-input.ts'
import { flag, int, stringList } from '../tool-kit/coerce.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import { defineTool } from '../tool-kit/define-tool.ts'
import { READS } from '../tool-kit/schemas.ts'
import { ellipsis, RESULT_CHARS } from '../tool-kit/truncate.ts'
import { fence } from '../tool-kit/untrusted-fence.ts'
import { theirs } from '../tool-kit/untrusted-fields.ts'

const Found = z.object({
  id: z.string(),
  threadId: z.string(),
  from: theirs(z.string()).optional(),
  to: theirs(z.array(z.string())).optional(),
  subject: theirs(z.string()).optional(),
  date: z.string().optional().describe('ISO 8601, UTC'),
  snippet: theirs(z.string()).optional(),
  labels: z.array(z.string()).optional().describe('Names'),
  unread: z.boolean().optional(),
  hasAttachments: z.boolean().optional(),
  sizeEstimate: z.number().optional().describe('Bytes')
})
type Found = z.input<typeof Found>

/** So many messages of a page are fetched whole, which costs Gmail the same, so that to read them then costs little. */
const MOST_WHOLE = 25
/** Costs Gmail the same as headers alone, and tells of attachments; the bodies stay out. */
const FIELDS =
  'id,threadId,labelIds,snippet,sizeEstimate,internalDate,payload(mimeType,filename,headers,parts(mimeType,filename,headers,parts(mimeType,filename,headers,parts(mimeType,filename,headers))))'

export const searchEmails = defineTool({
  name: 'search_emails',
  title: 'Search mail',
  description:
    'Finds messages with Gmail search operators (from:, to:, subject:, is:unread, has:attachment, label:, in:anywhere ...). Gmail counts the days of after:2026/01/31 and before: in Pacific time; the arguments after and before take any zone. Returns one page, newest first; pass nextPageToken as pageToken for the next one.',
  level: 'gmail.read',
  annotations: READS,
  input: z.object({
    query: z.string().max(2000).describe('Gmail search; empty means all mail'),
    ...dateInput,
    maxResults: int(1, 100).default(10).describe('Messages on this page'),
    pageToken: z.string().optional().describe('nextPageToken of the page before'),
    labelIds: stringList(1, 20)
      .optional()
      .describe('Only messages with all these labels, by id or name'),
    includeSpamTrash: flag().default(false),
    detail: z.enum(['ids', 'summary']).default('summary').describe('ids is cheaper')
  }),
  output: z.object({
    emails: z.array(Found),
    nextPageToken: z.string().optional(),
    resultSizeEstimate: z.number(),
    hints
  }),
  async run(
    {
      query: words,
      after,
      before,
      timeZone,
      maxResults,
      pageToken,
      labelIds,
      includeSpamTrash,
      detail
    },
    call
  ) {
    const { context, signal } = call
    const query = withDates(words, { after, before, timeZone })
    const labels = await context.labels.resolve(labelIds ?? [], signal)
    const page = await context.mailbox.call(
      'messages.list',
      {
        q: query,
        maxResults,
        includeSpamTrash,
        ...(pageToken && { pageToken }),
        ...(labels.length > 0 && { labelIds: labels })
      },
      signal
    )
    const ids = (page.messages ?? []).map(({ id, threadId }) => ({
      id: id ?? '',
      threadId: threadId ?? ''
    }))
    const emails = detail === 'ids' ? ids : await summaries(ids, call)
    const told = await hintsFor(words, call)
    const structured = {
      emails,
      ...(told.length > 0 && { hints: told }),
      ...(page.nextPageToken && { nextPageToken: page.nextPageToken }),
      resultSizeEstimate: page.resultSizeEstimate ?? emails.length
    }
    return { structured, text: withHints(asText(structured, context.nonce()), told) }
  }
})

async function summaries(ids: readonly Listed[], call: ToolCall): Promise<Found[]> {
  const chars = Math.floor(RESULT_CHARS / Math.max(1, ids.length)) - 120
  const isWhole = ids.length <= MOST_WHOLE
  if (isWhole) await call.context.mailbox.prefetch?.(ids, call.signal)
  const found = await Promise.all(ids.map(({ id }) => summary(id, { chars, isWhole }, call)))
  return found.filter((each) => each !== undefined)
}

/** Undefined when the message was deleted after the search. */
async function summary(
  id: string,
  { chars, isWhole }: { chars: number; isWhole: boolean },
  call: ToolCall
): Promise<Found | undefined> {
  const { context, signal } = call
  const message = await context.mailbox
    .call('messages.get', { id, format: 'full', ...(!isWhole && { fields: FIELDS }) }, signal)
    .catch((error: unknown) => {
      if (error instanceof ToolError && error.code === 'not_found') return undefined
      throw error
    })
  if (!message) return undefined
  const envelope = readEnvelope(message)
  const field = Math.max(40, Math.floor(chars / 3))
  return {
    id: envelope.id,
    threadId: envelope.threadId,
    from: ellipsis(envelope.from, field),
    to: envelope.to.slice(0, 5).map((each) => ellipsis(each, field)),
    subject: ellipsis(envelope.subject, field),
    ...(envelope.date && { date: envelope.date }),
    snippet: ellipsis(envelope.snippet, field),
    labels: await context.labels.names(envelope.labelIds, signal),
    unread: envelope.labelIds.includes('UNREAD'),
    hasAttachments: hasAttachments(message),
    sizeEstimate: envelope.sizeEstimate
  }
}

const hasAttachments = (message: Message): boolean => {
  const holds = (part: MessagePart, depth: number): boolean =>
    part.mimeType?.startsWith('multipart/') && !part.filename
      ? depth < 4 && (part.parts ?? []).some((child) => holds(child, depth + 1))
      : isAttachment(part)
  return message.payload !== undefined && holds(message.payload, 0)
}

function asText(
  {
    emails,
    nextPageToken,
    resultSizeEstimate
  }: {
    emails: readonly Found[]
    nextPageToken?: string
    resultSizeEstimate: number
  },
  nonce: string
): string {
  if (emails.length === 0) return 'No messages found.'
  const lines = emails.map((email, index) => {
    const marks = [
      messageLocation(email.labels ?? []),
      email.unread ? 'unread' : '',
      email.hasAttachments ? 'attachments' : ''
    ]
    const first = [`${index + 1}. id ${email.id}`, `thread ${email.threadId}`, email.date, ...marks]
    return [
      first.filter((each) => each).join(' | '),
      email.from === undefined ? '' : `   From: ${email.from}`,
      email.subject === undefined ? '' : `   Subject: ${email.subject || '(no subject)'}`,
      email.snippet ? `   ${email.snippet}` : ''
    ]
      .filter((line) => line !== '')
      .join('\n')
  })
  const head = `${emails.length} messages, about ${resultSizeEstimate} in all.`
  const tail = nextPageToken ? `\nNext page: pageToken ${nextPageToken}` : ''
  return `${head}\n${fence(nonce, lines.join('\n'))}${tail}`
}
