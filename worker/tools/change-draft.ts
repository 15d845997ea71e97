import * as z from 'zod'
import { splitAddresses } from '../gmail/addresses.ts'
import type { Message } from '../gmail/methods.ts'
import { ownThreadHeaders } from '../gmail/parent.ts'
import { headerValues, readEnvelope, readParts } from '../gmail/read-message.ts'
import { allFiles } from './attachment-source.ts'
import { joined } from './body.ts'
import { stringList } from './coerce.ts'
import type { ToolCall } from './context.ts'
import { draftId, fetchDraft } from './drafts.ts'
import { content, recipients } from './letter-input.ts'
import { type Letter, write } from './outgoing.ts'
import { DraftOut } from './save-draft.ts'
import { CHANGES } from './schemas.ts'
import { defineTool } from './tool.ts'

export const updateDraft = defineTool({
  name: 'update_draft',
  title: 'Change a draft',
  description:
    'Changes the fields of a draft that are given and keeps the others, its thread and its attachments. Attachments that are given are added.',
  level: 'gmail.draft',
  annotations: CHANGES,
  input: z.object({
    draftId,
    to: recipients.to.optional(),
    cc: recipients.cc,
    bcc: recipients.bcc,
    subject: z.string().max(2000).optional(),
    ...content,
    body: content.body.optional(),
    mimeType: z.enum(['text/plain', 'text/html', 'multipart/alternative']).optional(),
    removeAttachments: stringList(0, 100).optional().describe('partIds, as get_draft lists them')
  }),
  output: DraftOut,
  async run({ draftId: id, ...changes }, call) {
    const { context, signal } = call
    const { message = {} } = await fetchDraft(id, 'full', call)
    const {
      raw,
      messageId,
      recipients: reached
    } = await write(
      await changed(message, changes, call),
      call,
      headerValues(message, 'message-id')[0]?.trim()
    )
    const { threadId } = message
    const draft = await context.mailbox.call(
      'drafts.update',
      {
        id,
        requestBody: {
          message: { raw: raw.toString('base64url'), ...(threadId && { threadId }) }
        }
      },
      signal
    )
    const structured = {
      draftId: draft.id ?? id,
      messageId: draft.message?.id ?? '',
      threadId: draft.message?.threadId ?? threadId ?? '',
      messageIdHeader: messageId,
      recipients: reached,
      sizeBytes: raw.length
    }
    return { structured, text: `Draft ${structured.draftId} was changed.` }
  }
})

type Changes = {
  to?: string[] | undefined
  cc?: string[] | undefined
  bcc?: string[] | undefined
  subject?: string | undefined
  body?: string | undefined
  mimeType?: Letter['content']['mimeType'] | undefined
  removeAttachments?: string[] | undefined
} & Omit<Letter['content'], 'body' | 'mimeType'>

/** The draft as it will be. Its addresses are taken as they stand there, not as they are shown. */
async function changed(message: Message, changes: Changes, call: ToolCall): Promise<Letter> {
  const addresses = (field: string) => headerValues(message, field).flatMap(splitAddresses)
  const kept = allFiles(message, call).filter(
    ({ attachment }) => !changes.removeAttachments?.includes(attachment.partId)
  )
  const files = []
  for (const { attachment, read } of kept) {
    const { filename, mimeType, contentId, inline } = attachment
    const cid = inline && contentId ? { contentId } : {}
    files.push({ filename, mimeType, content: await read(), ...cid })
  }
  const { from } = readEnvelope(message)
  return {
    to: changes.to ?? addresses('to'),
    cc: changes.cc ?? addresses('cc'),
    bcc: changes.bcc ?? addresses('bcc'),
    subject: changes.subject ?? readEnvelope(message).subject,
    content: {
      ...changes,
      ...(await text(message, changes, call)),
      ...(changes.from === undefined && from !== '' && { from })
    },
    thread: ownThreadHeaders(message),
    files
  }
}

async function text(message: Message, { body, htmlBody, mimeType }: Changes, call: ToolCall) {
  const parts = readParts(message)
  const had = {
    text: parts.text.length > 0 ? await joined(message, parts.text, call) : undefined,
    html: parts.html.length > 0 ? await joined(message, parts.html, call) : undefined
  }
  const isNew = body !== undefined || htmlBody !== undefined
  if (isNew)
    return { body: body ?? had.text ?? '', htmlBody, mimeType: mimeType ?? ('text/plain' as const) }
  if (had.text === undefined && had.html !== undefined)
    return { body: had.html, htmlBody: undefined, mimeType: mimeType ?? ('text/html' as const) }
  return { body: had.text ?? '', htmlBody: had.html, mimeType: mimeType ?? ('text/plain' as const) }
}
