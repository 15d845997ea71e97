import type { Attachment } from '../gmail/attachment.ts'
import { nobodyAsked } from '../tool-kit/confirm.ts'
import type { WorkerContext } from '../tool-kit/context.ts'
import { findAttachment } from './find-attachment.ts'
import { isEmailFormat, messageFile } from './message-file.ts'

export interface FetchedAttachment {
  readonly attachment: Attachment
  readonly content: Buffer
}

/**
 * The content behind a link that `download_attachment` or `download_email` gave: `partId` names a part, or the whole message in one
 * of its forms. Throws a ToolError like the tool.
 */
export async function fetchAttachment(
  context: WorkerContext,
  messageId: string,
  partId: string,
  signal: AbortSignal
): Promise<FetchedAttachment> {
  const call = { context, confirm: nobodyAsked, signal, progress: async () => {} }
  if (isEmailFormat(partId)) {
    const { file, read } = await messageFile(messageId, partId, call)
    return { attachment: file, content: await read() }
  }
  const { attachment, read } = await findAttachment(messageId, { partId }, call)
  return { attachment, content: await read() }
}
