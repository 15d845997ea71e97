import { parseAddress, sameAddress } from './addresses.ts'
import type { Thread } from './methods.ts'
import { readEnvelope } from './read-message.ts'

/** Who did not write the last message of a thread that was sent; the thread was read with its headers. */
export function whoseTurn({ messages }: Thread, ownAddress: string): 'me' | 'them' | 'nobody' {
  const last = messages?.findLast(({ labelIds }) => !labelIds?.includes('DRAFT'))
  if (!last) return 'nobody'
  const { from, labelIds } = readEnvelope(last)
  const isOwn =
    labelIds.includes('SENT') || sameAddress(parseAddress(from)?.address ?? from, ownAddress)
  return isOwn ? 'them' : 'me'
}
