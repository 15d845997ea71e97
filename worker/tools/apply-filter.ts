import * as z from 'zod'
import { ToolError } from '#shared/tool-error.ts'
import { searchOf } from '../gmail/filter-criteria.ts'
import { changeBatch, MAX_BATCH } from '../messages/batch-modify.ts'
import { findMessages } from '../messages/find-messages.ts'
import { effectInWords } from '../messages/label-change.ts'
import { beforeMassChange } from '../messages/risk-policy.ts'
import { flag, int, objectOf } from '../tool-kit/coerce.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import { defineTool } from '../tool-kit/define-tool.ts'
import { CHANGES } from '../tool-kit/schemas.ts'
import { Action, Criteria, resolveAction } from './filters.ts'

export const applyFilterToExisting = defineTool({
  name: 'apply_filter_to_existing',
  title: 'Apply a filter to older mail',
  description:
    'Does to mail that is there already what a filter does to mail that arrives. Forwarding is left out.',
  level: 'gmail.modify',
  annotations: CHANGES,
  input: z.object({
    filterId: z.string().min(1).max(200).optional().describe('Or give criteria and action'),
    criteria: objectOf(Criteria).optional(),
    action: objectOf(Action).optional(),
    maxMessages: int(1, MAX_BATCH).default(500),
    dryRun: flag().default(false).describe('Only count the messages')
  }),
  output: z.object({
    query: z.string().describe('The Gmail search that found the messages'),
    matched: z.number(),
    modified: z.number(),
    dryRun: z.boolean()
  }),
  async run(args, call) {
    const { query, action } = await ruleOf(args, call)
    const change = await resolveAction(action, call)
    if (change.addLabelIds.length + change.removeLabelIds.length === 0)
      throw new ToolError('invalid_argument', 'The filter only forwards, which is left out here.')
    const ids = await findMessages(query, args.maxMessages, call)
    const effect = await effectInWords(change, call)
    if (!args.dryRun)
      await beforeMassChange(
        {
          tool: 'apply_filter_to_existing',
          what: [change, ids.toSorted()],
          words: [`Change ${ids.length} messages as the filter does: ${effect}.`],
          count: ids.length
        },
        call
      )
    const { modified } = args.dryRun
      ? { modified: 0 }
      : await changeBatch(ids, change, 'sample', call)
    const structured = { query, matched: ids.length, modified, dryRun: args.dryRun }
    const text = args.dryRun
      ? `Dry run: ${ids.length} messages would be changed: ${effect}.`
      : `${modified} of ${ids.length} messages changed.`
    return { structured, text }
  }
})

type Args = {
  filterId?: string | undefined
  criteria?: z.output<typeof Criteria> | undefined
  action?: z.output<typeof Action> | undefined
}

async function ruleOf({ filterId, criteria, action }: Args, { context, signal }: ToolCall) {
  if ((filterId === undefined) === (criteria === undefined || action === undefined))
    throw new ToolError('invalid_argument', 'Give either filterId, or criteria and action.')
  const rule =
    filterId === undefined
      ? { criteria, action }
      : await context.mailbox.call('filters.get', { id: filterId }, signal)
  const query = searchOf(rule.criteria ?? {})
  if (query === '') throw new ToolError('invalid_argument', 'The filter has no criteria.')
  const { addLabelIds, removeLabelIds } = rule.action ?? {}
  return {
    query,
    action: { addLabelIds: addLabelIds ?? [], removeLabelIds: removeLabelIds ?? [] }
  }
}
