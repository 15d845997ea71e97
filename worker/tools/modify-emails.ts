import * as z from 'zod'
import { resolveMessageId } from '../gmail/message-id.ts'
import { ToolError } from '../tool-error.ts'
import { changeBatch, MAX_BATCH } from './batch.ts'
import { flag, int, stringList } from './coerce.ts'
import type { ToolCall } from './context.ts'
import { findMessages } from './find-messages.ts'
import { CHANGES } from './schemas.ts'
import { defineTool } from './tool.ts'

const addLabelIds = stringList(0, 100).optional().describe('Labels to add, by id or name')
const removeLabelIds = stringList(0, 100).optional().describe('Labels to remove, by id or name')

export const modifyEmail = defineTool({
  name: 'modify_email',
  title: 'Change labels of a message',
  description:
    'Adds and removes labels of one message; marks it as read or unread, archives or stars it. Use trash_email for the bin.',
  level: 'gmail.modify',
  annotations: CHANGES,
  input: z.object({
    messageId: z.string().min(1).describe('Gmail message id, or an RFC Message-ID (<…@…>)'),
    labelIds: stringList(0, 100).optional().describe('The same as addLabelIds'),
    addLabelIds,
    removeLabelIds,
    markAs: z.enum(['read', 'unread']).optional(),
    archive: flag().optional().describe('true takes it out of the inbox, false puts it back'),
    star: flag().optional()
  }),
  output: z.object({ id: z.string(), labelIds: z.array(z.string()), labels: z.array(z.string()) }),
  async run(args, call) {
    const { context, signal } = call
    const change = await resolveChange(
      [...(args.labelIds ?? []), ...(args.addLabelIds ?? [])],
      args.removeLabelIds ?? [],
      call
    )
    const requestBody = withShortcuts(change, args)
    const id = await resolveMessageId(context.mailbox, args.messageId, signal)
    const message = await context.mailbox.call('messages.modify', { id, requestBody }, signal)
    const labelIds = message.labelIds ?? []
    const labels = await context.labels.names(labelIds, signal)
    return {
      structured: { id, labelIds, labels },
      text: `Labels of message ${id} updated. It now has: ${labels.join(', ') || 'none'}.`
    }
  }
})

export const batchModifyEmails = defineTool({
  name: 'batch_modify_emails',
  title: 'Change labels of many messages',
  description:
    'Adds and removes labels of many messages, given by their ids or by a search. Gmail ignores unknown ids silently, so the result is verified.',
  level: 'gmail.modify',
  annotations: CHANGES,
  input: z.object({
    messageIds: stringList(1, MAX_BATCH).optional().describe('Or give query'),
    query: z.string().min(1).max(2000).optional().describe('Gmail search; instead of messageIds'),
    maxMessages: int(1, MAX_BATCH).default(500).describe('Of the search'),
    addLabelIds,
    removeLabelIds,
    batchSize: int(1, 1000).default(50).describe('Accepted for older clients; Gmail takes 1000'),
    verify: z.enum(['sample', 'all', 'none']).default('sample'),
    dryRun: flag().default(false).describe('Only tell which messages would be changed')
  }),
  output: z.object({
    requested: z.number(),
    modified: z.number(),
    notFound: z.array(z.string()),
    failed: z.array(z.object({ id: z.string(), code: z.string() })),
    verified: z.number().describe('Messages that were looked at afterwards'),
    dryRun: z.boolean()
  }),
  async run(args, call) {
    const change = await resolveChange(args.addLabelIds ?? [], args.removeLabelIds ?? [], call)
    if (isEmpty(change)) throw nothingToChange()
    const ids = await targets(args, call)
    const result = args.dryRun
      ? { modified: 0, notFound: [], failed: [], verified: 0 }
      : await changeBatch(ids, change, args.verify, call)
    const structured = { requested: ids.length, ...result, dryRun: args.dryRun }
    return { structured, text: asText(structured) }
  }
})

interface Change {
  addLabelIds: string[]
  removeLabelIds: string[]
}

async function resolveChange(
  add: readonly string[],
  remove: readonly string[],
  { context, signal }: ToolCall
): Promise<Change> {
  const change = {
    addLabelIds: await context.labels.resolve(add, signal),
    removeLabelIds: await context.labels.resolve(remove, signal)
  }
  const both = change.addLabelIds.filter((id) => change.removeLabelIds.includes(id))
  if (both.length > 0)
    throw new ToolError('invalid_argument', `${both.join(', ')} is to be added and removed.`)
  const fixed = [...change.addLabelIds, ...change.removeLabelIds].find(
    (id) => id === 'SENT' || id === 'DRAFT'
  )
  if (fixed) throw new ToolError('invalid_argument', `Gmail does not let ${fixed} be changed.`)
  return change
}

function withShortcuts(
  change: Change,
  {
    markAs,
    archive,
    star
  }: {
    markAs?: 'read' | 'unread' | undefined
    archive?: boolean | undefined
    star?: boolean | undefined
  }
): Change {
  const add = new Set(change.addLabelIds)
  const remove = new Set(change.removeLabelIds)
  const set = (label: string, wanted: boolean | undefined) => {
    if (wanted !== undefined) (wanted ? add : remove).add(label)
  }
  set('UNREAD', markAs && markAs === 'unread')
  set('INBOX', archive === undefined ? undefined : !archive)
  set('STARRED', star)
  const whole = { addLabelIds: [...add], removeLabelIds: [...remove] }
  if (isEmpty(whole)) throw nothingToChange()
  const both = whole.addLabelIds.find((label) => remove.has(label))
  if (both) throw new ToolError('invalid_argument', `${both} is to be added and removed.`)
  return whole
}

const isEmpty = ({ addLabelIds: add, removeLabelIds: remove }: Change): boolean =>
  add.length === 0 && remove.length === 0

const nothingToChange = () =>
  new ToolError('invalid_argument', 'Give at least one label to add or to remove.')

async function targets(
  {
    messageIds,
    query,
    maxMessages
  }: { messageIds?: string[] | undefined; query?: string | undefined; maxMessages: number },
  call: ToolCall
): Promise<string[]> {
  const { context, signal } = call
  if ((messageIds === undefined) === (query === undefined))
    throw new ToolError('invalid_argument', 'Give either messageIds or query.')
  if (messageIds)
    return [
      ...new Set(
        await Promise.all(messageIds.map((id) => resolveMessageId(context.mailbox, id, signal)))
      )
    ]
  return findMessages(query ?? '', maxMessages, call)
}

function asText({
  requested,
  modified,
  notFound,
  failed,
  verified,
  dryRun
}: {
  requested: number
  modified: number
  notFound: readonly string[]
  failed: readonly { id: string; code: string }[]
  verified: number
  dryRun: boolean
}): string {
  if (dryRun) return `Dry run: ${requested} messages would be changed.`
  return [
    `${modified} of ${requested} messages changed; ${verified} of them verified.`,
    notFound.length > 0 ? `Unknown ids: ${notFound.join(', ')}.` : '',
    failed.length > 0
      ? `Failed: ${failed.map(({ id, code }) => `${id} (${code})`).join(', ')}.`
      : ''
  ]
    .filter((line) => line !== '')
    .join('\n')
}
