import * as z from 'zod'
import { answerTo, levelOfWriting, ReplyOut, reply, replyInput } from '../messages/compose-reply.ts'
import { defineTool } from '../tool-kit/define-tool.ts'
import { SENDS } from '../tool-kit/schemas.ts'

export const replyToEmail = defineTool({
  name: 'reply_to_email',
  title: 'Reply to a message',
  description:
    'Answers the sender of a message (its Reply-To, if it has one; for a message of your own, its recipients) in the same thread. Subject, thread headers and quoting are taken care of.',
  level: 'gmail.draft',
  levelOf: levelOfWriting,
  annotations: SENDS,
  input: z.object(replyInput),
  output: ReplyOut,
  run: (args, call) =>
    reply(args, (parent) => ({ ...answerTo(parent, call.context.mailbox.address), cc: [] }), call)
})
