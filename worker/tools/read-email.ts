import * as z from 'zod'
import { resolveMessageId } from '../gmail/message-id.ts'
import { withSenderAsSent } from '../gmail/raw-message.ts'
import { MessageOut, showInput, showMessage } from '../messages/show-message.ts'
import { defineTool } from '../tool-kit/define-tool.ts'
import { messageId, READS } from '../tool-kit/schemas.ts'

export const readEmail = defineTool({
  name: 'read_email',
  title: 'Read a message',
  description:
    'Reads one message: envelope, body as text, attachments. A long body comes in pieces: pass nextOffset as bodyOffset. Use download_attachment with a partId for the attachments.',
  level: 'gmail.read',
  annotations: READS,
  input: z.object({
    messageId,
    ...showInput
  }),
  output: MessageOut,
  async run(args, call) {
    const { context, signal } = call
    const id = await resolveMessageId(context.mailbox, args.messageId, signal)
    const read = await context.mailbox.call('messages.get', { id, format: 'full' }, signal)
    const message = await withSenderAsSent(read, context.mailbox, signal)
    return showMessage(message, args, call)
  }
})
