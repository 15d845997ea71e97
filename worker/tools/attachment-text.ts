/** The words of an attachment, in the form in which a model reads them. */
import { charsetInHtml, decodeFile } from '../mime/charset.ts'
import { cleanText } from '../mime/clean-text.ts'
import type { FoundAttachment } from './attachment-source.ts'
import { BodyReader } from './body-reader.ts'
import type { ToolCall } from './context.ts'
import type { FileText } from './delivery.ts'
import { charsetOf } from './part-text.ts'

const TEXT_TYPE =
  /^(text\/|application\/(json|xml|csv|x-yaml|yaml|javascript|x-sh|ics)\b|[^;]+\+(json|xml)$)/

/** Whether a file of this type is text as it stands. */
export const isText = (mimeType: string): boolean => TEXT_TYPE.test(mimeType)

const isMessage = (mimeType: string): boolean => /^message\/(rfc822|global|news)$/.test(mimeType)

/** How to read the words of a file; undefined where nobody knows how. */
export function textReader(
  found: FoundAttachment,
  call: ToolCall
): (() => Promise<FileText>) | undefined {
  const { attachment, part, read } = found
  if (isMessage(attachment.mimeType))
    return async () => {
      // Gmail may hand out the parts of an attached message and not its bytes.
      const hasBytes = Boolean(part.body?.data ?? part.body?.attachmentId)
      const content = hasBytes ? await read() : undefined
      return { text: await messageText(found, call), content }
    }
  if (!isText(attachment.mimeType)) return undefined
  return async () => {
    const content = await read()
    return { text: await plainText(found, content, call), content }
  }
}

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
