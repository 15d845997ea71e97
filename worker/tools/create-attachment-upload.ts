import * as z from 'zod'
import { ToolError } from '#shared/tool-error.ts'
import { MOST_UPLOAD_BYTES } from '#shared/worker-protocol.ts'
import { plainName, plainType } from '../messages/outgoing-attachments.ts'
import { int } from '../tool-kit/coerce.ts'
import { defineTool } from '../tool-kit/define-tool.ts'
import { ADDS } from '../tool-kit/schemas.ts'

export const createAttachmentUpload = defineTool({
  name: 'create_attachment_upload',
  title: 'Make an address to upload a file to',
  description:
    'For a file to attach that is too large to write out: gives an address to which the file can be sent once with PUT (curl -T FILE ADDRESS), and an uploadId for the attachments of a message.',
  level: 'gmail.draft',
  annotations: { ...ADDS, openWorldHint: false },
  input: z.object({
    filename: z.string().min(1).max(255).describe('Name for the recipients'),
    mimeType: z.string().max(255).default('application/octet-stream'),
    size: int(1, MOST_UPLOAD_BYTES).describe('Of the file, in bytes; Gmail takes no larger ones')
  }),
  output: z.object({
    uploadId: z.string(),
    url: z.string(),
    expiresAt: z.string().describe('ISO 8601; until then sending can begin'),
    maxBytes: z.number()
  }),
  async run({ filename, mimeType, size }, { context }) {
    const { links, uploads } = context
    if (!links)
      throw new ToolError(
        'invalid_argument',
        'This server has no addresses for uploads; give the content in contentBase64.'
      )
    const uploadId = uploads.open({
      filename: plainName(filename),
      mimeType: plainType(mimeType),
      size
    })
    const { url, expiresAt } = await links.createUpload({ uploadId, size })
    return {
      structured: { uploadId, url, expiresAt, maxBytes: size },
      text: `Send the file of ${size} bytes with PUT to ${url} before ${expiresAt}, all of it at once: the server ends a request that takes longer than its REQUEST_TIMEOUT (a minute, if it was not changed). Then attach it with uploadId ${uploadId}. It is kept for half an hour at most, and not over a restart of the server.`
    }
  }
})
