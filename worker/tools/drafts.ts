import * as z from 'zod'
import { ToolError } from '#shared/tool-error.ts'
import type { Draft } from '../gmail/mailbox.ts'
import { readEnvelope } from '../gmail/read-message.ts'
import { withDates } from '../gmail/search-dates.ts'
import { dateInput, hints, hintsFor, withHints } from '../messages/search-input.ts'
import { MessageOut, showInput, showMessage } from '../messages/show-message.ts'
import { int } from '../tool-kit/coerce.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import { defineTool } from '../tool-kit/define-tool.ts'
import { DESTROYS, READS } from '../tool-kit/schemas.ts'
import { fence } from '../tool-kit/untrusted-fence.ts'
import { theirs } from '../tool-kit/untrusted-fields.ts'

export const draftId = z.string().min(1).max(100).describe('As list_drafts and draft_email give it')

const DraftSummary = z.object({
  draftId: z.string(),
  messageId: z.string(),
  threadId: z.string(),
  to: theirs(z.array(z.string())),
  subject: theirs(z.string()),
  updated: z.string().optional().describe('ISO 8601, UTC')
})

export const listDrafts = defineTool({
  name: 'list_drafts',
  title: 'List drafts',
  description: 'Lists drafts, newest first, one page at a time.',
  level: 'gmail.read',
  annotations: READS,
  input: z.object({
    maxResults: int(1, 50).default(20),
    pageToken: z.string().optional().describe('nextPageToken of the page before'),
    query: z.string().max(2000).optional().describe('Gmail search within the drafts'),
    ...dateInput
  }),
  output: z.object({ drafts: z.array(DraftSummary), nextPageToken: z.string().optional(), hints }),
  async run({ maxResults, pageToken, query: words = '', ...dates }, call) {
    const { context, signal } = call
    const query = withDates(words, dates)
    const page = await context.mailbox.call(
      'drafts.list',
      { maxResults, ...(pageToken && { pageToken }), ...(query && { q: query }) },
      signal
    )
    const drafts = await Promise.all((page.drafts ?? []).map(({ id }) => summary(id ?? '', call)))
    const lines = drafts.map(
      (draft, index) =>
        `${index + 1}. draft ${draft.draftId} | ${draft.updated ?? ''}\n   To: ${draft.to.join(', ')}\n   Subject: ${draft.subject || '(no subject)'}`
    )
    const more = page.nextPageToken ? `\nNext page: pageToken ${page.nextPageToken}` : ''
    const text =
      drafts.length === 0
        ? 'No drafts found.'
        : `${drafts.length} drafts.\n${fence(context.nonce(), lines.join('\n'))}${more}`
    const { nextPageToken } = page
    const told = await hintsFor(words, call)
    const structured = {
      drafts,
      ...(nextPageToken && { nextPageToken }),
      ...(told.length > 0 && { hints: told })
    }
    return { structured, text: withHints(text, told) }
  }
})

export const getDraft = defineTool({
  name: 'get_draft',
  title: 'Read a draft',
  description: 'Reads one draft, as read_email reads a message.',
  level: 'gmail.read',
  annotations: READS,
  input: z.object({ draftId, ...showInput }),
  output: MessageOut.extend({ draftId: z.string() }),
  async run(args, call) {
    const draft = await fetchDraft(args.draftId, 'full', call)
    const shown = await showMessage(draft.message ?? {}, args, call)
    return { ...shown, structured: { ...shown.structured, draftId: args.draftId } }
  }
})

export const deleteDraft = defineTool({
  name: 'delete_draft',
  title: 'Delete a draft',
  description: 'Deletes a draft for good. It cannot be undone.',
  level: 'gmail.draft',
  annotations: DESTROYS,
  input: z.object({ draftId }),
  output: z.object({ draftId: z.string(), deleted: z.boolean() }),
  async run({ draftId: id }, { context, signal }) {
    checkDraftId(id)
    await context.mailbox.call('drafts.delete', { id }, signal)
    return { structured: { draftId: id, deleted: true }, text: `Draft ${id} was deleted.` }
  }
})

/** Reads a draft. Throws `not_found`, or `invalid_argument` for what is no draft id at all. */
export async function fetchDraft(
  id: string,
  format: 'full' | 'metadata',
  { context, signal }: ToolCall
): Promise<Draft> {
  checkDraftId(id)
  return context.mailbox.call('drafts.get', { id, format }, signal)
}

function checkDraftId(id: string): void {
  if (!/^[A-Za-z0-9_-]+$/.test(id))
    throw new ToolError('invalid_argument', 'draftId is not an id as list_drafts gives it.')
}

async function summary(id: string, call: ToolCall): Promise<z.input<typeof DraftSummary>> {
  const { message } = await fetchDraft(id, 'metadata', call)
  const envelope = readEnvelope(message ?? {})
  const arrived = Number(message?.internalDate ?? Number.NaN)
  const updated = Number.isFinite(arrived) ? new Date(arrived).toISOString() : envelope.date
  return {
    draftId: id,
    messageId: envelope.id,
    threadId: envelope.threadId,
    to: envelope.to.slice(0, 5),
    subject: envelope.subject.slice(0, 200),
    ...(updated && { updated })
  }
}
