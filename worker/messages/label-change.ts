import * as z from 'zod'
import { ToolError } from '#shared/tool-error.ts'
import { flag, stringList } from '../tool-kit/coerce.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import type { Answer } from '../tool-kit/define-tool.ts'

/** How a caller says what is to become of a message or a thread. */
export const changeInput = {
  labelIds: stringList(0, 100).optional().describe('The same as addLabelIds'),
  addLabelIds: stringList(0, 100).optional().describe('Labels to add, by id or name'),
  removeLabelIds: stringList(0, 100).optional().describe('Labels to remove, by id or name'),
  markAs: z.enum(['read', 'unread']).optional(),
  archive: flag().optional().describe('true takes it out of the inbox, false puts it back'),
  star: flag().optional()
}
const Input = z.object(changeInput)
type Wishes = z.output<typeof Input>

/** Ids of labels, as Gmail takes them. */
export interface Change {
  addLabelIds: string[]
  removeLabelIds: string[]
}

/** Names become ids. Throws `invalid_argument` for what Gmail would refuse or could not mean. */
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

function withShortcuts(change: Change, { markAs, archive, star }: Wishes): Change {
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

/** What a change of labels does, in words. */
export async function effectInWords(
  { addLabelIds, removeLabelIds }: Change,
  { context, signal }: ToolCall
): Promise<string> {
  const names = async (ids: readonly string[]) =>
    (await context.labels.names(ids, signal)).join(', ')
  return [
    addLabelIds.length > 0 ? `${await names(addLabelIds)} added` : '',
    removeLabelIds.length > 0 ? `${await names(removeLabelIds)} removed` : '',
    removeLabelIds.includes('INBOX') ? 'which takes them out of the inbox' : '',
    addLabelIds.includes('TRASH') ? 'which moves them to the bin' : ''
  ]
    .filter((each) => each !== '')
    .join(', ')
}

const isEmpty = ({ addLabelIds: add, removeLabelIds: remove }: Change): boolean =>
  add.length === 0 && remove.length === 0

const nothingToChange = () =>
  new ToolError('invalid_argument', 'Give at least one label to add or to remove.')

/** What a caller wishes, as one change of labels. Throws `invalid_argument` when that is none. */
export async function resolveWishes(wishes: Wishes, call: ToolCall): Promise<Change> {
  const { labelIds = [], addLabelIds = [], removeLabelIds = [] } = wishes
  const change = await resolveChange([...labelIds, ...addLabelIds], removeLabelIds, call)
  return withShortcuts(change, wishes)
}

/** What a change of one message or thread has led to. */
export const ChangedOut = z.object({
  id: z.string(),
  labelIds: z.array(z.string()),
  labels: z.array(z.string())
})

/** Tells which labels it has now. */
export async function changedAnswer(
  what: 'message' | 'thread',
  id: string,
  labelIds: string[],
  { context, signal }: ToolCall
): Promise<Answer<z.input<typeof ChangedOut>>> {
  const labels = await context.labels.names(labelIds, signal)
  return {
    structured: { id, labelIds, labels },
    text: `Labels of ${what} ${id} updated. It now has: ${labels.join(', ') || 'none'}.`
  }
}
