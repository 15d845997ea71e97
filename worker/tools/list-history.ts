import * as z from 'zod'
import { ToolError } from '#shared/tool-error.ts'
import type { HistoryRecord } from '../gmail/mailbox.ts'
import { int, stringList } from '../tool-kit/coerce.ts'
import { defineTool } from '../tool-kit/define-tool.ts'
import { READS } from '../tool-kit/schemas.ts'

const KINDS = ['messageAdded', 'messageDeleted', 'labelAdded', 'labelRemoved'] as const
type Kind = (typeof KINDS)[number]

const Change = z.object({
  kind: z.enum(KINDS),
  messageId: z.string(),
  threadId: z.string(),
  labels: z.array(z.string()).optional().describe('Names: of the message, or those that changed')
})
type Change = z.input<typeof Change>

export const listHistory = defineTool({
  name: 'list_history',
  title: 'List what is new',
  description:
    'Lists what changed in the mailbox since a historyId: mail that came or went, labels that were added or removed. Without startHistoryId it gives the present one, to ask from later. Gmail keeps about a week; when it no longer knows, fullSyncNeeded is true and a search is the way.',
  level: 'gmail.read',
  annotations: READS,
  input: z.object({
    startHistoryId: z
      .string()
      .regex(/^\d{1,20}$/, 'must be a historyId of get_profile or of an earlier list_history')
      .optional()
      .describe('historyId of get_profile or of an earlier call'),
    types: stringList(1, KINDS.length)
      .pipe(z.array(z.enum(KINDS)))
      .optional()
      .describe('Which kinds of change; all by default'),
    label: z.string().max(225).optional().describe('Only messages with this label, by id or name'),
    maxResults: int(1, 500).default(100),
    pageToken: z.string().optional().describe('nextPageToken of the page before')
  }),
  output: z.object({
    changes: z.array(Change).describe('In order of time'),
    historyId: z.string().describe('To be given as startHistoryId next time'),
    nextPageToken: z.string().optional(),
    fullSyncNeeded: z.boolean()
  }),
  async run({ startHistoryId, types, label, maxResults, pageToken }, { context, signal }) {
    const { mailbox, labels } = context
    const present = async (): Promise<string> =>
      (await mailbox.call('getProfile', {}, signal)).historyId ?? ''
    if (startHistoryId === undefined) {
      const historyId = await present()
      const text = `The mailbox stands at historyId ${historyId}. Give it as startHistoryId later.`
      return { structured: { changes: [], historyId, fullSyncNeeded: false }, text }
    }
    const [labelId] = label === undefined ? [] : await labels.resolve([label], signal)
    const page = await mailbox
      .call(
        'history.list',
        {
          startHistoryId,
          maxResults,
          ...(types && { historyTypes: types }),
          ...(labelId && { labelId }),
          ...(pageToken && { pageToken })
        },
        signal
      )
      .catch((error: unknown) => {
        // Gmail's documented answer for an id that is too old (history.list, "404").
        if (error instanceof ToolError && error.code === 'not_found') return undefined
        throw error
      })
    if (!page) {
      const historyId = await present()
      const text = `Gmail no longer knows what changed since ${startHistoryId}. Search for the mail you want, and go on from historyId ${historyId}.`
      return { structured: { changes: [], historyId, fullSyncNeeded: true }, text }
    }
    const found = (page.history ?? []).flatMap(changesOf)
    const ids = [...new Set(found.flatMap((each) => each.labels ?? []))]
    const names = await labels.names(ids, signal)
    const nameOf = new Map(ids.map((id, index) => [id, names[index] ?? id]))
    const changes = found.map((each) => ({
      ...each,
      ...(each.labels && { labels: each.labels.map((id) => nameOf.get(id) ?? id) })
    }))
    const { nextPageToken, historyId } = page
    return {
      structured: {
        changes,
        historyId: historyId ?? startHistoryId,
        fullSyncNeeded: false,
        ...(nextPageToken && { nextPageToken })
      },
      text: [
        changes.length === 0 ? 'Nothing has changed.' : `${changes.length} changes.`,
        ...changes.map(line),
        nextPageToken
          ? `Next page: pageToken ${nextPageToken}`
          : `Next time: startHistoryId ${historyId}`
      ].join('\n')
    }
  }
})

type LabelChange = NonNullable<HistoryRecord['labelsAdded']>[number]

/** One record of Gmail may hold several changes. */
function changesOf(record: HistoryRecord): Change[] {
  const of = (kind: Kind, items: LabelChange[] | null | undefined): Change[] =>
    (items ?? []).map(({ message, labelIds }) => ({
      kind,
      messageId: message?.id ?? '',
      threadId: message?.threadId ?? '',
      ...((labelIds ?? message?.labelIds) && { labels: labelIds ?? message?.labelIds ?? [] })
    }))
  return [
    ...of('messageAdded', record.messagesAdded),
    ...of('messageDeleted', record.messagesDeleted),
    ...of('labelAdded', record.labelsAdded),
    ...of('labelRemoved', record.labelsRemoved)
  ]
}

const line = ({ kind, messageId, threadId, labels }: Change): string =>
  `- ${kind} ${messageId} | thread ${threadId}${labels && labels.length > 0 ? ` | ${labels.join(', ')}` : ''}`
