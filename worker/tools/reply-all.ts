import * as z from 'zod'
import { type Address, addressKey, isOwnAddress } from '../gmail/addresses.ts'
import { toAddresses } from '../gmail/compose.ts'
import type { Message } from '../gmail/mailbox.ts'
import { ownAddresses } from '../gmail/send-as.ts'
import {
  answerTo,
  levelOfWriting,
  peopleIn,
  type Recipients,
  ReplyOut,
  reply,
  replyInput
} from '../messages/compose-reply.ts'
import { stringList } from '../tool-kit/coerce.ts'
import { defineTool } from '../tool-kit/define-tool.ts'
import { SENDS } from '../tool-kit/schemas.ts'

export const replyAll = defineTool({
  name: 'reply_all',
  title: 'Reply to everybody',
  description:
    'Answers the sender and all other recipients of a message, except your own addresses, in the same thread. Each person gets it once.',
  level: 'gmail.draft',
  levelOf: levelOfWriting,
  annotations: SENDS,
  input: z.object({
    ...replyInput,
    removeRecipients: stringList(0, 500).optional().describe('Addresses to leave out')
  }),
  output: ReplyOut,
  run: (args, call) =>
    reply(
      args,
      async (parent) => {
        const own = await ownAddresses(call.context.mailbox, call.signal)
        return everybody(parent, own, toAddresses('removeRecipients', args.removeRecipients ?? []))
      },
      call
    )
})

/** The one who is answered first, then all others, in the field that they were in; nobody twice. */
function everybody(
  parent: Message,
  own: readonly string[],
  removed: readonly Address[]
): Recipients {
  const seen = new Set(removed.map(({ address }) => addressKey(address)))
  const fresh = (list: readonly Address[]) =>
    list.filter(({ address }) => {
      const key = addressKey(address)
      if (seen.has(key) || own.some((each) => isOwnAddress(each, address))) return false
      seen.add(key)
      return true
    })
  const answered = answerTo(parent, own[0] ?? '')
  const others = peopleIn(parent, 'to')
  const copied = peopleIn(parent, 'cc')
  const odd = [...new Set([...answered.odd, ...others.odd, ...copied.odd])]
  const to = fresh([...answered.to, ...others.to])
  const cc = fresh(copied.to)
  if (to.length + cc.length > 0) return { to, cc, odd }
  // Only the person themself is left, who may well write to themself.
  return { to: answered.to, cc: [], odd }
}
