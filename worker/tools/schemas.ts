import * as z from 'zod'
import type { Envelope } from '../gmail/read-message.ts'

/** Parts of results that several tools share. */

export const EnvelopeOut = z.object({
  id: z.string(),
  threadId: z.string(),
  messageIdHeader: z.string().optional(),
  from: z.string(),
  to: z.array(z.string()),
  cc: z.array(z.string()),
  bcc: z.array(z.string()),
  replyTo: z.string().optional(),
  subject: z.string(),
  date: z.string().optional().describe('ISO 8601'),
  labels: z.array(z.string()).describe('Names'),
  unread: z.boolean()
})

export const AttachmentOut = z.object({
  partId: z.string().describe('Names the attachment in download_attachment'),
  filename: z.string(),
  mimeType: z.string(),
  size: z.number().describe('Bytes'),
  inline: z.boolean(),
  contentId: z.string().optional()
})

/** An envelope for `structuredContent`, with label names. */
export function envelopeOut(envelope: Envelope, labels: string[]): z.input<typeof EnvelopeOut> {
  const { id, threadId, messageIdHeader, from, to, cc, bcc, replyTo, subject, date } = envelope
  return {
    id,
    threadId,
    ...(messageIdHeader && { messageIdHeader }),
    from,
    to: [...to],
    cc: [...cc],
    bcc: [...bcc],
    ...(replyTo && { replyTo }),
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
    envelope.to.length > 0 ? `To: ${envelope.to.join(', ')}` : '',
    envelope.cc.length > 0 ? `Cc: ${envelope.cc.join(', ')}` : '',
    envelope.bcc.length > 0 ? `Bcc: ${envelope.bcc.join(', ')}` : '',
    envelope.replyTo ? `Reply-To: ${envelope.replyTo}` : '',
    `Subject: ${envelope.subject || '(no subject)'}`,
    `Date: ${envelope.date ?? 'unknown'}`
  ]
    .filter((line) => line !== '')
    .join('\n')

/** Attachments as lines of text; an empty string when there are none. */
export const attachmentsText = (attachments: readonly z.input<typeof AttachmentOut>[]): string =>
  attachments.length === 0
    ? ''
    : [
        'Attachments:',
        ...attachments.map(
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
