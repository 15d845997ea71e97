import * as z from 'zod'
import { resolveMessageId } from '../gmail/message-id.ts'
import {
  lastOfThread,
  refuseDraft,
  type ThreadHeaders,
  threadHeadersFor
} from '../gmail/reply-headers.ts'
import type { MessageDraft } from '../messages/compose-message.ts'
import { withMarkdown } from '../messages/markdown-body.ts'
import { content, recipients, sending } from '../messages/message-input.ts'
import { SavedOut, saveDraft } from '../messages/save-draft.ts'
import { SentOut, sendMessage } from '../messages/send-message.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import { defineTool } from '../tool-kit/define-tool.ts'
import { ADDS, SENDS } from '../tool-kit/schemas.ts'

const letterInput = {
  ...recipients,
  subject: z.string().max(2000),
  ...content,
  threadId: z.string().optional().describe('Put the message into this thread; keep its subject'),
  inReplyTo: z
    .string()
    .optional()
    .describe('The message that is answered: Gmail id or Message-ID. reply_to_email does more')
}
const Input = z.object({ ...letterInput, ...sending })

export const sendEmail = defineTool({
  name: 'send_email',
  title: 'Send a message',
  description:
    'Sends a new message from the account. Use reply_to_email to answer one. The same message is not sent twice within a minute.',
  level: 'gmail.modify',
  annotations: SENDS,
  input: Input,
  output: SentOut,
  async run(args, call) {
    return sendMessage(await asLetter(args, call), args, call)
  }
})

export const draftEmail = defineTool({
  name: 'draft_email',
  title: 'Save a draft',
  description:
    'Saves a message as a draft, without sending it. Takes what send_email takes; recipients may come later.',
  level: 'gmail.draft',
  annotations: ADDS,
  input: z.object(letterInput),
  output: SavedOut,
  async run(args, call) {
    return saveDraft(await asLetter(args, call), {}, call)
  }
})

type LetterArgs = Omit<z.output<typeof Input>, 'idempotencyKey' | 'dryRun'>

async function asLetter(given: LetterArgs, call: ToolCall): Promise<MessageDraft> {
  const args = await withMarkdown(given, call)
  const { to, cc, bcc, subject } = args
  return { to, cc, bcc, subject, content: args, thread: await threadOf(args, call) }
}

async function threadOf(
  { threadId, inReplyTo }: LetterArgs,
  { context, signal }: ToolCall
): Promise<ThreadHeaders | undefined> {
  if (inReplyTo !== undefined) {
    const id = await resolveMessageId(context.mailbox, inReplyTo, signal)
    const parent = await context.mailbox.call('messages.get', { id, format: 'metadata' }, signal)
    refuseDraft(parent)
    const headers = threadHeadersFor(parent)
    return threadId === undefined ? headers : { ...headers, threadId }
  }
  if (threadId === undefined) return undefined
  const last = await lastOfThread(context.mailbox, threadId, signal)
  return last ? { ...threadHeadersFor(last), threadId } : { threadId, references: [] }
}
