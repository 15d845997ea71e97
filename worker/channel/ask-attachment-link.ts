import { ToolError } from '#shared/tool-error.ts'
import type { FileLinks } from '../tool-kit/context.ts'
import type { Channel } from './channel.ts'

/** Links to files and for files as the gateway gives them out. */
export const askAttachmentLinks = (channel: Channel): FileLinks => ({
  create: async ({ messageId, partId }) =>
    linkIn(await channel.ask({ type: 'link', messageId, partId })),
  createUpload: async ({ uploadId, size }) =>
    linkIn(await channel.ask({ type: 'upload', uploadId, size }))
})

function linkIn(answer: Awaited<ReturnType<Channel['ask']>>): { url: string; expiresAt: string } {
  if (answer.type !== 'linked')
    throw new ToolError('upstream_unavailable', 'The server has no link to give; try again.')
  return { url: answer.url, expiresAt: answer.expiresAt }
}
