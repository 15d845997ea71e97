import * as z from 'zod'
import { ToolError } from '#shared/tool-error.ts'
import type { Attachment } from '../gmail/attachment.ts'
import { resolveMessageId } from '../gmail/message-id.ts'
import { isDocument, isText, textReader } from '../messages/attachment-text.ts'
import {
  type Deliverable,
  deliverFile,
  FileOut,
  textOffset,
  WAYS
} from '../messages/deliver-file.ts'
import { findAttachment } from '../messages/find-attachment.ts'
import { partName } from '../tool-kit/coerce.ts'
import { defineTool } from '../tool-kit/define-tool.ts'
import { messageId, READS } from '../tool-kit/schemas.ts'

export const downloadAttachment = defineTool({
  name: 'download_attachment',
  title: 'Read an attachment',
  description:
    'Returns an attachment: text and the words of documents (PDF, Office, RTF, messages) as text, images as images, other files as a link, or saved where the server saves files. Name it by the partId that read_email lists.',
  level: 'gmail.read',
  annotations: READS,
  input: z.object({
    messageId,
    partId: partName().optional().describe('As read_email lists it'),
    attachmentId: z
      .string()
      .optional()
      .describe('Works only at once: Gmail changes it at every read'),
    filename: z.string().max(500).optional(),
    delivery: z
      .enum(WAYS)
      .default('auto')
      .describe(
        'text: extracted text; image: for models that see; file: saved on the machine of a local server; link: an address to fetch it from; inline: base64'
      ),
    textOffset
  }),
  output: FileOut,
  async run(args, call) {
    if (!args.partId && !args.attachmentId && !args.filename)
      throw new ToolError('invalid_argument', 'Give partId, filename or attachmentId.')
    const id = await resolveMessageId(call.context.mailbox, args.messageId, call.signal)
    const found = await findAttachment(id, args, call)
    const wanted = {
      messageId: id,
      file: found.attachment,
      uri: `gmail://attachment/${id}/${encodeURIComponent(found.attachment.partId)}`,
      read: found.read,
      text: textReader(found, call),
      words: wordsOf(found.attachment)
    }
    return deliverFile(args.delivery, { found: wanted, offset: args.textOffset, call })
  }
})

function wordsOf(file: Attachment): Deliverable['words'] {
  if (isText(file.mimeType)) return 'always'
  return isDocument(file) ? 'if-any' : 'asked'
}
