import { createHash, randomBytes } from 'node:crypto'

const PREFIX = 'ANGjdJ'
const NONCE = 18
const SEAL = 12

/** Attachment ids that differ at every fetch and still name one part of one message, as Gmail's do. */
export interface AttachmentIds {
  issue(messageId: string, partId: string): string
  /** The part that an id names; undefined for another message's id and for anything invented. */
  resolve(messageId: string, id: string): string | undefined
}

/** Ids sealed with `secret`, so that no list of them is kept. */
export function createAttachmentIds(secret: string): AttachmentIds {
  const seal = (messageId: string, nonce: Buffer, part: string) =>
    createHash('sha256')
      .update(`${secret} ${messageId} ${part} `)
      .update(nonce)
      .digest()
      .subarray(0, SEAL)
  return {
    issue(messageId, partId) {
      const nonce = randomBytes(NONCE)
      const padded = partId.padEnd(120, '_')
      const bytes = Buffer.concat([nonce, seal(messageId, nonce, partId), Buffer.from(padded)])
      return `${PREFIX}${bytes.toString('base64url')}`
    },
    resolve(messageId, id) {
      if (!id.startsWith(PREFIX)) return undefined
      const bytes = Buffer.from(id.slice(PREFIX.length), 'base64url')
      const nonce = bytes.subarray(0, NONCE)
      const partId = bytes
        .subarray(NONCE + SEAL)
        .toString()
        .replace(/_+$/, '')
      const isOurs = seal(messageId, nonce, partId).equals(bytes.subarray(NONCE, NONCE + SEAL))
      return isOurs ? partId : undefined
    }
  }
}
