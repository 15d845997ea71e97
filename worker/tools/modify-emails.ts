import * as z from 'zod'
import { ToolError } from '#shared/tool-error.ts'
import { resolveMessageId } from '../gmail/message-id.ts'
import { type SearchDates, withDates } from '../gmail/search-dates.ts'
import { changeBatch, MAX_BATCH } from '../messages/batch-modify.ts'
import { findMessages } from '../messages/find-messages.ts'
import {
  ChangedOut,
  changedAnswer,
  changeInput,
  effectInWords,
  resolveWishes
} from '../messages/label-change.ts'
import { beforeMassChange } from '../messages/risk-policy.ts'
import { dateInput, hints, hintsFor, withHints } from '../messages/search-input.ts'
import { flag, int, stringList } from '../tool-kit/coerce.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import { defineTool } from '../tool-kit/define-tool.ts'
import { CHANGES, messageId } from '../tool-kit/schemas.ts'

export const modifyEmail = defineTool({
  name: 'modify_email',
  title: 'Change labels of a message',
  description:
    'Adds and removes labels of one message; marks it as read or unread, archives or stars it. Use trash_email for the bin.',
  level: 'gmail.modify',
  annotations: CHANGES,
  input: z.object({
    messageId,
    ...changeInput
  }),
  output: ChangedOut,
  async run(args, call) {
    const { context, signal } = call
    const requestBody = await resolveWishes(args, call)
    const id = await resolveMessageId(context.mailbox, args.messageId, signal)
    const message = await context.mailbox.call('messages.modify', { id, requestBody }, signal)
    return changedAnswer('message', id, message.labelIds ?? [], call)
  }
})

export const batchModifyEmails = defineTool({
  name: 'batch_modify_emails',
  title: 'Change labels of many messages',
  description:
    'Adds and removes labels of many messages, marks them as read or archives them; given by their ids or by a search. Gmail ignores unknown ids silently, so the result is verified.',
  level: 'gmail.modify',
  annotations: CHANGES,
  input: z.object({
    messageIds: stringList(1, MAX_BATCH).optional().describe('Or give query'),
    query: z.string().min(1).max(2000).optional().describe('Gmail search; instead of messageIds'),
    ...dateInput,
    maxMessages: int(1, MAX_BATCH).default(500).describe('Of the search'),
    addLabelIds: changeInput.addLabelIds,
    removeLabelIds: changeInput.removeLabelIds,
    markAs: changeInput.markAs,
    archive: changeInput.archive,
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
    dryRun: z.boolean(),
    hints
  }),
  async run(args, call) {
    const change = await resolveWishes(args, call)
    const ids = await targets(args, call)
    const effect = await effectInWords(change, call)
    if (!args.dryRun)
      await beforeMassChange(
        {
          tool: 'batch_modify_emails',
          what: [change, ids.toSorted()],
          words: [`Change ${ids.length} messages: ${effect}.`],
          count: ids.length
        },
        call
      )
    const result = args.dryRun
      ? { modified: 0, notFound: [], failed: [], verified: 0 }
      : await changeBatch(ids, change, args.verify, call)
    const told = args.query === undefined ? [] : await hintsFor(args.query, call)
    const structured = {
      requested: ids.length,
      ...result,
      dryRun: args.dryRun,
      ...(told.length > 0 && { hints: told })
    }
    return { structured, text: withHints(asText(structured, effect), told) }
  }
})

async function targets(
  {
    messageIds,
    query,
    maxMessages,
    ...dates
  }: {
    messageIds?: string[] | undefined
    query?: string | undefined
    maxMessages: number
  } & SearchDates,
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
  return findMessages(withDates(query ?? '', dates), maxMessages, call)
}

function asText(
  {
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
  },
  effect: string
): string {
  if (dryRun) return `Dry run: ${requested} messages would be changed: ${effect}.`
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
