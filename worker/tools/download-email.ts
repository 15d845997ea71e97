import * as z from 'zod'
import { resolveMessageId } from '../gmail/message-id.ts'
import { deliverFile, FileOut, textOffset, WAYS } from '../messages/deliver-file.ts'
import { EMAIL_FORMATS, messageFile } from '../messages/message-file.ts'
import { defineTool } from '../tool-kit/define-tool.ts'
import { messageId, READS } from '../tool-kit/schemas.ts'

export const downloadEmail = defineTool({
  name: 'download_email',
  title: 'Save a message as a file',
  description:
    'Returns a whole message as a file: as it was sent (eml), or as text, harmless HTML or JSON. An eml comes as a link, or is saved where the server saves files; the others as text. Use read_email to read one.',
  level: 'gmail.read',
  annotations: READS,
  input: z.object({
    messageId,
    format: z.enum(EMAIL_FORMATS).default('eml'),
    delivery: z
      .enum(WAYS)
      .exclude(['image'])
      .default('auto')
      .describe('As in download_attachment; text of an eml: the message in words'),
    textOffset
  }),
  output: FileOut.omit({ partId: true }).extend({ id: z.string() }),
  async run({ messageId: given, format, delivery, textOffset: offset }, call) {
    const id = await resolveMessageId(call.context.mailbox, given, call.signal)
    const { file, read, words } = await messageFile(id, format, call)
    const found = {
      messageId: id,
      file,
      uri: `gmail://message/${id}`,
      read,
      text: async () => ({ text: format === 'html' ? String(await read()) : await words() }),
      words: format === 'eml' ? ('asked' as const) : ('always' as const)
    }
    const { structured, text, more } = await deliverFile(delivery, { found, offset, call })
    const { partId: _, ...rest } = structured
    return { structured: { id, ...rest }, text, ...(more && { more }) }
  }
})
