import * as z from 'zod'
import { resolveMessageId } from '../gmail/message-id.ts'
import { ToolError } from '../tool-error.ts'
import { lookAt, MAX_BATCH } from './batch.ts'
import { flag, int, stringList } from './coerce.ts'
import { DESTROYS, messageId } from './schemas.ts'
import { defineTool } from './tool.ts'

const confirm = flag()
  .default(false)
  .describe('True when the user has agreed that it cannot be undone; without it nothing is deleted')

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
  async run(args, { context, signal }) {
    refuseUnconfirmed(args.confirm)
    const id = await resolveMessageId(context.mailbox, args.messageId, signal)
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
    refuseUnconfirmed(args.confirm)
    const ids = [
      ...new Set(
        await Promise.all(
          args.messageIds.map((id) => resolveMessageId(context.mailbox, id, signal))
        )
      )
    ]
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

function refuseUnconfirmed(confirmed: boolean): void {
  if (!confirmed)
    throw new ToolError(
      'declined',
      'Nothing was deleted. It cannot be undone: ask the user, and call again with confirm true; or use trash_email.'
    )
}
