import * as z from 'zod'
import { ToolError } from '#shared/tool-error.ts'
import { resolveMessageId } from '../gmail/message-id.ts'
import { changeBatch, MAX_BATCH } from '../messages/batch-modify.ts'
import { beforeMassChange } from '../messages/risk-policy.ts'
import { stringList } from '../tool-kit/coerce.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import { defineTool } from '../tool-kit/define-tool.ts'
import { CHANGES } from '../tool-kit/schemas.ts'

const targets = {
  messageId: z.string().min(1).optional().describe('One message; or give messageIds'),
  messageIds: stringList(1, MAX_BATCH).optional()
}
const NotFound = z.array(z.string()).describe('Ids that the mailbox does not have')

/** From so many messages on, one batch request costs Gmail less than single ones. */
const BATCH_FROM = 3

export const trashEmail = defineTool({
  name: 'trash_email',
  title: 'Move to the bin',
  description: 'Moves messages to the bin, from where untrash_email brings them back for 30 days.',
  level: 'gmail.modify',
  annotations: CHANGES,
  input: z.object(targets),
  output: z.object({ trashed: z.array(z.string()), notFound: NotFound }),
  async run(args, call) {
    const { done: trashed, notFound } = await move(args, 'trash', call)
    return { structured: { trashed, notFound }, text: told('moved to the bin', trashed, notFound) }
  }
})

export const untrashEmail = defineTool({
  name: 'untrash_email',
  title: 'Take out of the bin',
  description:
    'Brings messages back from the bin. Gmail does not put them back into the inbox: the result says which are not there.',
  level: 'gmail.modify',
  annotations: CHANGES,
  input: z.object(targets),
  output: z.object({
    restored: z.array(z.string()),
    notFound: NotFound,
    notInInbox: z
      .array(z.string())
      .optional()
      .describe(
        'Restored, but in no inbox now: modify_email with addLabelIds INBOX puts them there'
      )
  }),
  async run(args, call) {
    const { done: restored, notFound, labels } = await move(args, 'untrash', call)
    const away = restored.filter((id) => !labels.get(id)?.some((label) => PLACES.has(label)))
    const structured = { restored, notFound, ...(away.length > 0 && { notInInbox: away }) }
    const text =
      away.length > 0
        ? `${told('restored', restored, notFound)} Not in the inbox, which Gmail does not bring back: ${away.join(', ')}. modify_email with addLabelIds INBOX puts them there.`
        : told('restored', restored, notFound)
    return { structured, text }
  }
})

/** Where a message is found without being in the inbox. */
const PLACES: ReadonlySet<string> = new Set(['INBOX', 'SENT', 'DRAFT'])

async function move(
  given: { messageId?: string | undefined; messageIds?: string[] | undefined },
  where: 'trash' | 'untrash',
  call: ToolCall
): Promise<{ done: string[]; notFound: string[]; labels: ReadonlyMap<string, readonly string[]> }> {
  const named = [...(given.messageId ? [given.messageId] : []), ...(given.messageIds ?? [])]
  if (named.length === 0) throw new ToolError('invalid_argument', 'Give messageId or messageIds.')
  const { mailbox } = call.context
  const ids = [
    ...new Set(await Promise.all(named.map((id) => resolveMessageId(mailbox, id, call.signal))))
  ]
  if (where === 'trash' && ids.length >= BATCH_FROM) {
    await beforeMassChange(
      {
        tool: 'trash_email',
        what: ids.toSorted(),
        words: [`Move ${ids.length} messages to the bin.`],
        count: ids.length
      },
      call
    )
    const change = { addLabelIds: ['TRASH'], removeLabelIds: ['INBOX'] }
    const { notFound } = await changeBatch(ids, change, 'all', call)
    return { done: ids.filter((id) => !notFound.includes(id)), notFound, labels: new Map() }
  }
  const found = await Promise.all(ids.map((id) => moveOne(id, where, call)))
  if (ids.length === 1 && !found[0])
    throw new ToolError('not_found', 'The mailbox has no such message.')
  return {
    done: ids.filter((_, index) => found[index]),
    notFound: ids.filter((_, index) => !found[index]),
    labels: new Map(ids.map((id, index) => [id, found[index] ?? []]))
  }
}

/** The message's labels afterwards; undefined when there is no such message. */
async function moveOne(
  id: string,
  where: 'trash' | 'untrash',
  { context, signal }: ToolCall
): Promise<readonly string[] | undefined> {
  try {
    const { labelIds } = await context.mailbox.call(`messages.${where}`, { id }, signal)
    return labelIds ?? []
  } catch (error) {
    if (error instanceof ToolError && error.code === 'not_found') return undefined
    throw error
  }
}

const told = (what: string, done: readonly string[], notFound: readonly string[]): string =>
  `${done.length} messages ${what}.${notFound.length > 0 ? ` Unknown ids: ${notFound.join(', ')}.` : ''}`
