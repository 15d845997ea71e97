import { isOwnAddress } from './addresses.ts'
import type { Thread } from './mailbox.ts'
import { addressEntries } from './read-message.ts'
import { lastMessage } from './reply-headers.ts'

/** Who did not write the last message of a thread that was sent; the thread was read with its headers. */
export function awaitingReply(thread: Thread, ownAddress: string): 'me' | 'them' | 'nobody' {
  const last = lastMessage(thread)
  if (!last) return 'nobody'
  const senders = addressEntries(last, 'from').map(({ mailbox }) => mailbox?.address ?? '')
  const isOwn =
    last.labelIds?.includes('SENT') || senders.some((each) => isOwnAddress(ownAddress, each))
  return isOwn ? 'them' : 'me'
}
