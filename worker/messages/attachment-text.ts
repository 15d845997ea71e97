/** The words of an attachment, in the form in which a model reads them. */
import { createHash } from 'node:crypto'
import type { Attachment } from '../gmail/attachment.ts'
import { charsetInHtml, decodeFile } from '../mime/charset.ts'
import { cleanText } from '../mime/clean-text.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import { BodyReader } from './body-reader.ts'
import type { FileText } from './deliver-file.ts'
import type { FoundAttachment } from './find-attachment.ts'
import { charsetOf } from './part-text.ts'

const TEXT_TYPE =
  /^(text\/|application\/(json|xml|csv|x-yaml|yaml|javascript|x-sh|ics)\b|[^;]+\+(json|xml)$)/

/** Whether a file of this type is text as it stands. */
export const isText = (mimeType: string): boolean => TEXT_TYPE.test(mimeType)

const isMessage = (mimeType: string): boolean => /^message\/(rfc822|global|news)$/.test(mimeType)

/** How to read the words of a file. */
export function textReader(found: FoundAttachment, call: ToolCall): () => Promise<FileText> {
  const { attachment, part, read } = found
  if (isMessage(attachment.mimeType))
    return async () => {
      // Gmail may hand out the parts of an attached message and not its bytes.
      const hasBytes = Boolean(part.body?.data ?? part.body?.attachmentId)
      const content = hasBytes ? await read() : undefined
      return { text: await messageText(found, call), content }
    }
  if (isText(attachment.mimeType))
    return async () => {
      const content = await read()
      return { text: await plainText(found, content, call), content }
    }
  // What other files are shows only in their bytes.
  return async () => {
    const content = await read()
    const name = createHash('sha256').update(content).digest('base64')
    const { text, cut } = await call.context.documents.read(name, content, call.signal)
    return { text, content, ...(cut !== undefined && { cut }) }
  }
}

/** Whether a file is called something whose words are wanted rather than its bytes. Any file may be asked for its words. */
export const isDocument = ({ mimeType, filename }: Pick<Attachment, 'mimeType' | 'filename'>) =>
  DOCUMENT_TYPE.test(mimeType) || DOCUMENT_NAME.test(filename)

const DOCUMENT_TYPE =
  /^application\/(pdf|rtf|ms-tnef|vnd\.ms-(outlook|tnef)|vnd\.openxmlformats-officedocument\..*|vnd\.oasis\.opendocument\..*|vnd\.ms-(word|excel|powerpoint)\..*macroenabled.*)$/
const DOCUMENT_NAME = /\.(pdf|rtf|doc[xm]|xls[xm]|ppt[xm]|od[tsp]|msg|eml)$|^winmail\.dat$/i

/** An attached message as it is read in the message that it is attached to. */
async function messageText({ message, part }: FoundAttachment, call: ToolCall): Promise<string> {
  const reader = new BodyReader(message, { html: false, wholeLinks: true }, call)
  const sections = await reader.read([{ kind: 'message', part }])
  return sections.map(({ text }) => text).join('\n\n')
}

async function plainText(
  { attachment: { mimeType }, part }: FoundAttachment,
  content: Buffer,
  call: ToolCall
): Promise<string> {
  const { mime } = call.context
  const isHtml = mimeType === 'text/html'
  const charset = charsetOf(part) ?? (isHtml ? charsetInHtml(content) : undefined)
  const decoded = await decodeFile(content, charset, (bytes, name) =>
    mime.decodeRare(bytes, name, call.signal)
  )
  if (isHtml)
    return (await mime.readHtml(decoded, call.signal, { html: false, wholeLinks: true })).text
  const words = /^(text\/calendar|application\/ics)$/.test(mimeType)
    ? await mime.readCalendar(decoded, call.signal)
    : undefined
  return words === undefined ? cleanText(decoded) : `${words}\n\n${cleanText(decoded)}`
}
