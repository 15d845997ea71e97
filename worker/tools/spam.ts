import * as z from 'zod'
import { resolveMessageId } from '../gmail/message-id.ts'
import { changeBatch, type LabelChange, MAX_BATCH } from '../messages/batch-modify.ts'
import { stringList } from '../tool-kit/coerce.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import { defineTool } from '../tool-kit/define-tool.ts'
import { CHANGES } from '../tool-kit/schemas.ts'

const input = z.object({
  messageIds: stringList(1, MAX_BATCH).describe('Gmail ids or Message-IDs')
})
const output = z.object({
  ids: z.array(z.string()),
  notFound: z.array(z.string()).describe('Ids that the mailbox does not have')
})

export const reportSpam = defineTool({
  name: 'report_spam',
  title: 'Move to spam',
  description:
    "Moves messages to spam. Gmail's API has no way to report phishing; that is to be done in Gmail itself.",
  level: 'gmail.modify',
  annotations: CHANGES,
  input,
  output,
  run: (args, call) =>
    move(args.messageIds, { addLabelIds: ['SPAM'], removeLabelIds: ['INBOX'] }, 'to spam', call)
})

export const notSpam = defineTool({
  name: 'not_spam',
  title: 'Take out of spam',
  description: 'Moves messages from spam back to the inbox.',
  level: 'gmail.modify',
  annotations: CHANGES,
  input,
  output,
  run: (args, call) =>
    move(
      args.messageIds,
      { addLabelIds: ['INBOX'], removeLabelIds: ['SPAM'] },
      'to the inbox',
      call
    )
})

async function move(given: readonly string[], change: LabelChange, where: string, call: ToolCall) {
  const { mailbox } = call.context
  const resolved = await Promise.all(given.map((id) => resolveMessageId(mailbox, id, call.signal)))
  const unique = [...new Set(resolved)]
  const { notFound } = await changeBatch(unique, change, 'all', call)
  const ids = unique.filter((id) => !notFound.includes(id))
  const unknown = notFound.length > 0 ? ` Unknown ids: ${notFound.join(', ')}.` : ''
  return {
    structured: { ids, notFound },
    text: `${ids.length} messages moved ${where}.${unknown}`
  }
}
