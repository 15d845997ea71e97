import * as z from 'zod'
import { flag, lineList, objectList, partName, stringList } from '../tool-kit/coerce.ts'

/** Arguments that every tool which writes a message has. */

const FileInput = z.strictObject({
  filename: z.string().min(1).max(255).optional().describe('Name for the recipients'),
  mimeType: z.string().max(255).optional(),
  contentBase64: z.string().optional().describe('The content; or give fromMessageId and partId'),
  uploadId: z.string().max(64).optional().describe('Of create_attachment_upload'),
  fromMessageId: z.string().optional().describe('Take an attachment of this message'),
  partId: partName().optional()
})
const ImageInput = z.strictObject({
  contentId: z.string().min(1).max(255).describe('The HTML shows it as src="cid:..."'),
  filename: z.string().max(255).optional(),
  mimeType: z.string().max(255),
  contentBase64: z.string().min(1)
})

export const recipients = {
  to: stringList(0, 500)
    .optional()
    .describe('Addresses: "name@example.org" or "Name <name@example.org>"; or only cc or bcc'),
  cc: stringList(0, 500).optional(),
  bcc: stringList(0, 500).optional()
}
export const content = {
  body: z.string().max(2_000_000).describe('The text; HTML when mimeType is text/html'),
  htmlBody: z.string().max(2_000_000).optional().describe('An HTML version of the text'),
  mimeType: z.enum(['text/plain', 'text/html', 'multipart/alternative']).default('text/plain'),
  bodyFormat: z.enum(['text', 'markdown']).optional().describe('markdown: sent as text and HTML'),
  from: z
    .string()
    .max(320)
    .optional()
    .describe('One of the addresses that the account may send as'),
  replyTo: z.string().max(320).optional(),
  attachments: objectList(FileInput, 50).optional(),
  inlineImages: objectList(ImageInput, 50).optional(),
  includeSignature: flag().default(false).describe("Append the account's signature"),
  headers: lineList(100)
    .optional()
    .describe('Further headers as "Name: value"; X-... and List-... only')
}
export const sending = {
  idempotencyKey: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe(
      'A repetition with the same key is not sent again. Without one, the same message within 60 seconds is not'
    ),
  dryRun: flag().default(false).describe('Check and compose, but do not send')
}

const Content = z.object(content)
export type Content = z.output<typeof Content>
