import * as z from 'zod'
import { isAttachment } from '../gmail/attachment.ts'
import type { Message, MessagePart } from '../gmail/mailbox.ts'
import {
  fetchRaw,
  isOfContent,
  type SplitMessage,
  splitMessage,
  withContentOf,
  withRawFields
} from '../gmail/raw-message.ts'
import { leaves, readEnvelope } from '../gmail/read-message.ts'
import {
  type ComposedMessage,
  composeMessage,
  type MessageDraft,
  type Reached
} from '../messages/compose-message.ts'
import { peopleIn } from '../messages/compose-reply.ts'
import { allFiles } from '../messages/find-attachment.ts'
import { asSentOn, shownPictures } from '../messages/forwarded-html.ts'
import { withMarkdown } from '../messages/markdown-body.ts'
import { content, recipients } from '../messages/message-input.ts'
import { joined } from '../messages/part-text.ts'
import { recipientFields, recipientsText } from '../messages/recipients.ts'
import { DraftOut } from '../messages/save-draft.ts'
import { stringList } from '../tool-kit/coerce.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import { defineTool } from '../tool-kit/define-tool.ts'
import { CHANGES } from '../tool-kit/schemas.ts'
import { draftId, fetchDraft } from './drafts.ts'

export const updateDraft = defineTool({
  name: 'update_draft',
  title: 'Change a draft',
  description:
    'Changes the fields of a draft that are given and keeps the others, its thread and its attachments. Attachments that are given are added.',
  level: 'gmail.draft',
  annotations: CHANGES,
  input: z.object({
    draftId,
    ...recipients,
    subject: z.string().max(2000).optional(),
    ...content,
    body: content.body.optional(),
    mimeType: z.enum(['text/plain', 'text/html', 'multipart/alternative']).optional(),
    removeAttachments: stringList(0, 100).optional().describe('partIds, as get_draft lists them')
  }),
  output: DraftOut,
  async run({ draftId: id, ...given }, call) {
    const changes = await withMarkdown(given, call)
    const { context, signal } = call
    const { message: read = {} } = await fetchDraft(id, 'full', call)
    const raw = splitMessage(await fetchRaw(context.mailbox, read.id ?? '', signal))
    const message = withRawFields(read, raw)
    const written = await rewritten({ message, raw, changes }, call)
    const { threadId } = message
    const requestBody = {
      message: { raw: written.raw.toString('base64url'), ...(threadId && { threadId }) }
    }
    const draft = await context.mailbox.call('drafts.update', { id, requestBody }, signal)
    const structured = {
      draftId: draft.id ?? id,
      messageId: draft.message?.id ?? '',
      threadId: draft.message?.threadId ?? threadId ?? '',
      messageIdHeader: written.messageId,
      ...recipientFields(written),
      sizeBytes: written.raw.length
    }
    const whom = recipientsText(written, context.nonce())
    return { structured, text: `Draft ${structured.draftId} was changed.\n${whom}` }
  }
})

type Changes = {
  to?: string[] | undefined
  cc?: string[] | undefined
  bcc?: string[] | undefined
  subject?: string | undefined
  body?: string | undefined
  mimeType?: MessageDraft['content']['mimeType'] | undefined
  removeAttachments?: string[] | undefined
} & Omit<MessageDraft['content'], 'body' | 'mimeType'>

interface Change {
  /** As Gmail reads it, with its header as it was written. */
  readonly message: Message
  readonly raw: SplitMessage
  readonly changes: Changes
}

/** The draft as it will be. What is not changed is taken over as it stands there, not as it is shown. */
async function rewritten(change: Change, call: ToolCall): Promise<ComposedMessage> {
  const { message, raw, changes } = change
  const { messageIdHeader } = readEnvelope(message)
  const isSameContent = ![
    changes.body,
    changes.htmlBody,
    changes.mimeType,
    changes.attachments,
    changes.inlineImages,
    changes.removeAttachments
  ].some((given) => given !== undefined)
  const hasSameContent = isSameContent && !changes.includeSignature
  const letter = hasSameContent
    ? { ...headOf(change), content: { ...identity(change), body: '', mimeType: PLAIN } }
    : { ...headOf(change), ...(await contentOf(change, call)) }
  const written = await composeMessage(letter, call, messageIdHeader)
  return {
    ...written,
    raw: hasSameContent ? withContentOf(written.raw, raw) : written.raw,
    reached: reachedBy(change, written.reached)
  }
}

const PLAIN = 'text/plain' as const
/** Fields that are written anew with each change, and those that Gmail adds. */
const NOT_KEPT =
  /^(from|date|message-id|received|return-path|delivered-to|authentication-results|dkim-signature|(arc|x-google|x-gm)-.*)$/i

/** Everything but text and files. */
function headOf({ message, raw, changes }: Change): Omit<MessageDraft, 'content'> {
  const given = new Set(
    [
      ...(['to', 'cc', 'bcc', 'subject'] as const).filter((name) => changes[name] !== undefined),
      ...(changes.replyTo === undefined ? [] : ['reply-to']),
      ...(changes.headers ?? []).map((line) => line.split(':')[0] ?? '')
    ].map((name) => name.trim().toLowerCase())
  )
  const kept = raw.fields.filter(
    ({ name }) => !NOT_KEPT.test(name) && !isOfContent(name) && !given.has(name.toLowerCase())
  )
  const fields = ['to', 'cc', 'bcc'] as const
  return {
    to: changes.to,
    cc: changes.cc,
    bcc: changes.bcc,
    subject: changes.subject ?? '',
    keptFields: kept.map(({ lines }) => lines),
    isDraft: true,
    oddRecipients: fields
      .filter((field) => changes[field] === undefined)
      .flatMap((field) => peopleIn(message, field).odd)
  }
}

/** The draft's own sender, unless another one is wanted. */
function identity({ message, changes }: Change): Pick<MessageDraft['content'], 'from'> & Changes {
  const { from } = readEnvelope(message)
  return { ...changes, ...(changes.from === undefined && from !== '' && { from }) }
}

async function contentOf(
  change: Change,
  call: ToolCall
): Promise<Pick<MessageDraft, 'content' | 'files'>> {
  const { message, changes } = change
  const said = await text(message, changes, call)
  const kept = allFiles(message, call).filter(
    ({ attachment }) => !changes.removeAttachments?.includes(attachment.partId)
  )
  const isHtml = said.mimeType === 'text/html' || said.htmlBody !== undefined
  const shown = shownPictures(isHtml ? (said.htmlBody ?? said.body) : '')
  const files = []
  for (const file of kept) files.push(await asSentOn(file, shown))
  return { content: { ...identity(change), ...said }, files }
}

async function text(
  message: Message,
  { body, htmlBody, mimeType }: Changes,
  call: ToolCall
): Promise<Pick<MessageDraft['content'], 'body' | 'htmlBody' | 'mimeType'>> {
  const texts = [...leaves(message.payload)].filter((part) => !isAttachment(part))
  const had = {
    text: await joinedOf(texts.filter(({ mimeType: type }) => type !== 'text/html')),
    html: await joinedOf(texts.filter(({ mimeType: type }) => type === 'text/html'))
  }
  if (htmlBody !== undefined && body === undefined) {
    const read = await call.context.mime.readHtml(htmlBody, call.signal, {
      html: false,
      wholeLinks: true
    })
    return { body: read.text, htmlBody, mimeType: mimeType ?? PLAIN }
  }
  if (body !== undefined) {
    // A draft that had a form with pictures and styles keeps one, with the new words.
    const usual = had.html !== undefined ? 'multipart/alternative' : PLAIN
    return { body, htmlBody, mimeType: mimeType ?? usual }
  }
  if (had.text === undefined && had.html !== undefined)
    return { body: had.html, htmlBody: undefined, mimeType: mimeType ?? 'text/html' }
  return { body: had.text ?? '', htmlBody: had.html, mimeType: mimeType ?? PLAIN }

  async function joinedOf(parts: readonly MessagePart[]): Promise<string | undefined> {
    return parts.length > 0 ? joined(message, parts, call) : undefined
  }
}

/** Whom the draft reaches: as it was changed, and as it stands in the fields that were kept. */
function reachedBy({ message, changes }: Change, written: Reached): Reached {
  const kept = (field: 'to' | 'cc' | 'bcc') =>
    changes[field] === undefined
      ? peopleIn(message, field).to.map(({ address }) => address)
      : written[field]
  return { to: kept('to'), cc: kept('cc'), bcc: kept('bcc') }
}
