import * as z from 'zod'
import type { Envelope } from '../gmail/read-message.ts'
import { theirs } from './untrusted-fields.ts'

/** Parts of arguments and of results that several tools share. */

export const messageId = z
  .string()
  .min(1)
  .describe('Gmail message id, or an RFC Message-ID (<...@...>)')

export const EnvelopeOut = z.object({
  id: z.string(),
  threadId: z.string(),
  messageIdHeader: theirs(z.string()).optional(),
  from: theirs(z.string()),
  to: theirs(z.array(z.string())),
  cc: theirs(z.array(z.string())),
  bcc: theirs(z.array(z.string())),
  recipientCount: z.number().optional().describe('When there are too many to list them all'),
  replyTo: theirs(z.string()).optional(),
  lookAlikes: theirs(
    z.array(z.string()),
    'Senders whose domain may pass for another one'
  ).optional(),
  subject: theirs(z.string()),
  date: z.string().optional().describe('ISO 8601'),
  labels: z.array(z.string()).describe('Names'),
  unread: z.boolean()
})

export const AttachmentOut = z.object({
  partId: z.string().describe('Names the attachment in download_attachment'),
  filename: theirs(z.string()),
  mimeType: theirs(z.string()),
  size: z.number().describe('Bytes'),
  inline: z.boolean(),
  contentId: theirs(z.string()).optional()
})

export const LeftOutOut = z
  .object({
    hiddenChars: z.number().optional().describe('Text that the sender made invisible'),
    quotedChars: z.number().optional().describe('Quoted older messages: see stripQuotes'),
    cutLinks: z.number().optional().describe('Long links: whole in the HTML'),
    isUnread: z.boolean().optional().describe('More than is read of one message'),
    isQuoteKept: z.boolean().optional().describe('Too long to tell all quotes'),
    isStyleCut: z.boolean().optional().describe('Invisible text may be in the body'),
    isFormUnchecked: z
      .boolean()
      .optional()
      .describe('body is the plain form; what people see may differ')
  })
  .describe('What of the message is not in the body')

/** More addresses of one field are not listed: a result has limits. */
const MAX_ADDRESSES = 50
const MAX_ADDRESSES_IN_TEXT = 20
const MAX_FILES_IN_TEXT = 50

/** An envelope for `structuredContent`, with label names. */
export function envelopeOut(envelope: Envelope, labels: string[]): z.input<typeof EnvelopeOut> {
  const { id, threadId, messageIdHeader, from, to, cc, bcc, replyTo, subject, date } = envelope
  return {
    id,
    threadId,
    ...(messageIdHeader && { messageIdHeader }),
    from,
    to: to.slice(0, MAX_ADDRESSES),
    cc: cc.slice(0, MAX_ADDRESSES),
    bcc: bcc.slice(0, MAX_ADDRESSES),
    ...(to.length + cc.length + bcc.length > MAX_ADDRESSES && {
      recipientCount: to.length + cc.length + bcc.length
    }),
    ...(replyTo && { replyTo }),
    ...(envelope.lookAlikes && { lookAlikes: [...envelope.lookAlikes] }),
    subject,
    ...(date && { date }),
    labels,
    unread: envelope.labelIds.includes('UNREAD')
  }
}

/** An envelope as lines of text, without what is empty. */
export const envelopeText = (envelope: z.input<typeof EnvelopeOut>): string =>
  [
    `From: ${envelope.from}`,
    addresses('To', envelope.to),
    addresses('Cc', envelope.cc),
    addresses('Bcc', envelope.bcc),
    envelope.recipientCount ? `[${envelope.recipientCount} recipients in all]` : '',
    envelope.replyTo ? `Reply-To: ${envelope.replyTo}` : '',
    envelope.lookAlikes ? `[Look-alike: ${envelope.lookAlikes.join('; ')}]` : '',
    `Subject: ${envelope.subject || '(no subject)'}`,
    `Date: ${envelope.date ?? 'unknown'}`
  ]
    .filter((line) => line !== '')
    .join('\n')

function addresses(field: string, list: readonly string[]): string {
  if (list.length === 0) return ''
  const more = list.length - MAX_ADDRESSES_IN_TEXT
  const shown = list.slice(0, MAX_ADDRESSES_IN_TEXT).join(', ')
  const least = list.length === MAX_ADDRESSES ? 'at least ' : ''
  return `${field}: ${shown}${more > 0 ? ` and ${least}${more} more` : ''}`
}

/** Attachments as lines of text; an empty string when there are none. */
export const attachmentsText = (attachments: readonly z.input<typeof AttachmentOut>[]): string =>
  attachments.length === 0
    ? ''
    : [
        'Attachments:',
        ...attachments
          .slice(0, MAX_FILES_IN_TEXT)
          .map(
            ({ partId, filename, mimeType, size }) =>
              `- [partId ${partId}] ${filename} (${mimeType}, ${Math.max(1, Math.ceil(size / 1024))} KB)`
          )
      ].join('\n')

/** Hints for clients, by what a tool does. */
export const READS = {
  readOnlyHint: true,
  destructiveHint: false,
  idempotentHint: true,
  openWorldHint: true
} as const
export const CHANGES = {
  readOnlyHint: false,
  destructiveHint: false,
  idempotentHint: true,
  openWorldHint: true
} as const
export const ADDS = { ...CHANGES, idempotentHint: false } as const
export const DESTROYS = { ...CHANGES, destructiveHint: true } as const
/** Sending cannot be undone. */
export const SENDS = { ...DESTROYS, idempotentHint: false } as const
