import type { Channel } from './channel.ts'
import { ToolError } from './tool-error.ts'
import type { AttachmentLinks } from './tools/context.ts'

/** Links to attachments as the gateway gives them out. */
export const channelLinks = (channel: Channel): AttachmentLinks => ({
  async create({ messageId, partId }) {
    const answer = await channel.ask({ type: 'link', messageId, partId })
    if (answer.type !== 'linked')
      throw new ToolError('upstream_unavailable', 'The server has no link to give; try again.')
    return { url: answer.url, expiresAt: answer.expiresAt }
  }
})
