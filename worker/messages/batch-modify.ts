import { ToolError } from '#shared/tool-error.ts'
import { UNITS } from '../gmail/quota-units.ts'
import type { ToolCall } from '../tool-kit/context.ts'

/** Ids of one call; Gmail takes as many in one request. */
export const MAX_BATCH = 1000
/** Messages that are looked at when not all are. */
const SAMPLE = 10

export interface BatchResult {
  readonly modified: number
  readonly notFound: string[]
  readonly failed: { id: string; code: string }[]
  readonly verified: number
}

export interface LabelChange {
  readonly addLabelIds: readonly string[]
  readonly removeLabelIds: readonly string[]
}

/**
 * Changes labels of up to 1000 messages in one request. Gmail answers with nothing and ignores unknown ids, so some or
 * all messages are read again; those that are not there, or did not change, are reported.
 */
export async function changeBatch(
  ids: readonly string[],
  change: LabelChange,
  verify: 'sample' | 'all' | 'none',
  call: ToolCall
): Promise<BatchResult> {
  const { context, signal } = call
  if (ids.length === 0) return { modified: 0, notFound: [], failed: [], verified: 0 }
  await context.mailbox.call(
    'messages.batchModify',
    {
      requestBody: {
        ids: [...ids],
        addLabelIds: [...change.addLabelIds],
        removeLabelIds: [...change.removeLabelIds]
      }
    },
    signal
  )
  const looked = await look(ids, verify, call)
  const notFound = looked.filter(({ labels }) => labels === undefined).map(({ id }) => id)
  const failed = looked
    .filter(({ labels }) => labels && !shows(labels, change))
    .map(({ id }) => ({ id, code: 'not_changed' }))
  return {
    modified: ids.length - notFound.length - failed.length,
    notFound,
    failed,
    verified: looked.length
  }
}

interface Look {
  readonly id: string
  /** Undefined when the message does not exist. */
  readonly labels: readonly string[] | undefined
}

/** Looks at all messages, or at some that are spread evenly; at no more than the quota has room for. */
async function look(
  ids: readonly string[],
  verify: 'sample' | 'all' | 'none',
  call: ToolCall
): Promise<Look[]> {
  if (verify === 'none') return []
  return lookAt(spread(ids, verify === 'all' ? ids.length : SAMPLE), call)
}

/** Up to `count` of the ids, evenly spread. */
function spread(ids: readonly string[], count: number): readonly string[] {
  if (ids.length <= count) return ids
  const step = ids.length / count
  return Array.from({ length: count }, (_, index) => ids[Math.floor(index * step)] ?? '')
}

/**
 * Reads the labels of messages, and tells the client how far it is. Spends at most half of the quota that is left, so
 * with many messages it looks at some of them.
 */
export async function lookAt(given: readonly string[], call: ToolCall): Promise<Look[]> {
  const affordable = Math.floor(call.context.mailbox.unitsLeft / 2 / UNITS['messages.get'])
  const ids = spread(given, Math.max(1, affordable))
  let done = 0
  return Promise.all(
    ids.map(async (id) => {
      const labels = await labelsOf(id, call)
      done += 1
      if (done % 25 === 0) await call.progress(done, ids.length)
      return { id, labels }
    })
  )
}

async function labelsOf(id: string, { context, signal }: ToolCall) {
  try {
    const message = await context.mailbox.call('messages.get', { id, format: 'minimal' }, signal)
    return message.labelIds ?? []
  } catch (error) {
    if (error instanceof ToolError && error.code === 'not_found') return undefined
    throw error
  }
}

const shows = (labels: readonly string[], { addLabelIds, removeLabelIds }: LabelChange): boolean =>
  addLabelIds.every((id) => labels.includes(id)) &&
  !removeLabelIds.some((id) => labels.includes(id))
