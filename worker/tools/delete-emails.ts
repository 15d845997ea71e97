import * as z from 'zod'
import { ToolError } from '#shared/tool-error.ts'
import { resolveMessageId } from '../gmail/message-id.ts'
import { readEnvelope } from '../gmail/read-message.ts'
import { lookAt, MAX_BATCH } from '../messages/batch-modify.ts'
import { flag, int, stringList } from '../tool-kit/coerce.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import { defineTool } from '../tool-kit/define-tool.ts'
import { DESTROYS, messageId } from '../tool-kit/schemas.ts'

const confirm = flag()
  .default(false)
  .describe(
    'True when the user has agreed that it cannot be undone. The user is asked besides, where that can be'
  )

export const deleteEmail = defineTool({
  name: 'delete_email',
  title: 'Delete for good',
  description:
    'Deletes one message for good, past the bin. It cannot be undone: prefer trash_email.',
  level: 'gmail.full',
  annotations: DESTROYS,
  input: z.object({
    messageId,
    confirm
  }),
  output: z.object({ id: z.string(), deleted: z.boolean(), permanent: z.boolean() }),
  async run(args, call) {
    const { context, signal } = call
    const id = await resolveMessageId(context.mailbox, args.messageId, signal)
    await askToDelete('delete_email', [id], args.confirm, call)
    await context.mailbox.call('messages.delete', { id }, signal)
    return {
      structured: { id, deleted: true, permanent: true },
      text: `Message ${id} was deleted for good.`
    }
  }
})

export const batchDeleteEmails = defineTool({
  name: 'batch_delete_emails',
  title: 'Delete many for good',
  description:
    'Deletes up to 1000 messages for good, past the bin. It cannot be undone: prefer trash_email.',
  level: 'gmail.full',
  annotations: DESTROYS,
  input: z.object({
    messageIds: stringList(1, MAX_BATCH),
    batchSize: int(1, 1000).default(50).describe('Accepted for older clients; Gmail takes 1000'),
    confirm
  }),
  output: z.object({
    requested: z.number(),
    deleted: z.number(),
    notFound: z.array(z.string()).describe('Ids that the mailbox did not have, among the verified'),
    verified: z.number().describe('Messages that were looked at before'),
    permanent: z.boolean()
  }),
  async run(args, call) {
    const { context, signal } = call
    const ids = [
      ...new Set(
        await Promise.all(
          args.messageIds.map((id) => resolveMessageId(context.mailbox, id, signal))
        )
      )
    ]
    await askToDelete('batch_delete_emails', ids, args.confirm, call)
    // Gmail ignores unknown ids silently, and nothing can be looked at afterwards.
    const looked = await lookAt(ids, call)
    const notFound = looked.filter(({ labels }) => labels === undefined).map(({ id }) => id)
    const known = ids.filter((id) => !notFound.includes(id))
    if (known.length > 0)
      await context.mailbox.call('messages.batchDelete', { requestBody: { ids: known } }, signal)
    const structured = {
      requested: ids.length,
      deleted: known.length,
      notFound,
      verified: looked.length,
      permanent: true
    }
    const unknown = notFound.length > 0 ? ` Unknown ids: ${notFound.join(', ')}.` : ''
    return { structured, text: `${known.length} messages were deleted for good.${unknown}` }
  }
})

/** So many of them are named to the person. */
const MOST_NAMED = 5

/** A person's word for it: always, whatever the policy. */
async function askToDelete(
  tool: string,
  ids: readonly string[],
  agreed: boolean,
  call: ToolCall
): Promise<void> {
  const { context, signal } = call
  const named = await Promise.all(
    ids.slice(0, MOST_NAMED).map(async (id) => {
      const read = await context.mailbox
        .call('messages.get', { id, format: 'metadata' }, signal)
        .catch((error: unknown) => {
          if (error instanceof ToolError && error.code === 'not_found') return {}
          throw error
        })
      const { from, subject, date } = readEnvelope(read)
      return `${date?.slice(0, 10) ?? ''} ${from || id}: ${subject || '(no subject)'}`.trim()
    })
  )
  const more = ids.length > MOST_NAMED ? [`and ${ids.length - MOST_NAMED} more`] : []
  const many = ids.length === 1 ? 'one message' : `${ids.length} messages`
  const words = [`Delete ${many} for good. This cannot be undone.`, ...named, ...more]
  await call.confirm({ tool, what: ids.toSorted(), words, agreed })
}
