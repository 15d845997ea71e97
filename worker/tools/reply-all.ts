import * as z from 'zod'
import { parseAddress } from '../gmail/addresses.ts'
import { ownAddresses } from '../gmail/identity.ts'
import type { Envelope } from '../gmail/read-message.ts'
import { stringList } from './coerce.ts'
import { answerTo, levelOfWriting, type Recipients, ReplyOut, reply, replyInput } from './reply.ts'
import { SENDS } from './schemas.ts'
import { defineTool } from './tool.ts'

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
        return everybody(parent, own, args.removeRecipients ?? [])
      },
      call
    )
})

/** The one who is answered first, then all others, in the field that they were in; nobody twice. */
function everybody(
  parent: Envelope,
  own: readonly string[],
  removed: readonly string[]
): Recipients {
  const seen = new Set([...own, ...removed.map(bare)].map((address) => address.toLowerCase()))
  const fresh = (list: readonly string[]) =>
    list.filter((each) => {
      const address = bare(each).toLowerCase()
      if (seen.has(address)) return false
      seen.add(address)
      return true
    })
  const answered = answerTo(parent, own[0] ?? '')
  const to = fresh([...answered, ...parent.to])
  const cc = fresh(parent.cc)
  if (to.length + cc.length > 0) return { to, cc }
  // Only the person themself is left, who may well write to themself.
  return { to: answered, cc: [] }
}

const bare = (written: string): string => parseAddress(written)?.address ?? written
