/**
 * What a worker asks the gateway before and after it sends a message or saves a draft, so that this happens once even when a
 * process dies.
 */
import * as z from 'zod'

/** SHA-256 in hexadecimal: what a message says is nobody's business but the worker's. */
const Hash = z.string().regex(/^[0-9a-f]{64}$/)
const Id = z.string().max(1024)

/** The longest that a repetition is recognised. */
const MOST_WINDOW_MS = 86_400_000

export const SendQuestion = z.discriminatedUnion('ask', [
  /** A send is about to begin. */
  z.object({
    ask: z.literal('begin'),
    /** What makes two sends the same. */
    key: Hash,
    /** Of everything that is sent. */
    content: Hash,
    /** The Message-ID under which it can be found, if this is the first try. */
    messageId: Id,
    /** How long a repetition is recognised once it was sent. */
    windowMs: z.int().positive().max(MOST_WINDOW_MS),
    /** How long it is remembered of which nobody knows whether it was sent. */
    doubtMs: z.int().positive().max(MOST_WINDOW_MS)
  }),
  /** What is known of a send, without beginning it. */
  z.object({ ask: z.literal('look'), key: Hash }),
  /**
   * How the send ended. `unknown`: Gmail did not say. `failed`: it was certainly not sent. `gone`: what was made is there no
   * more, so that it may be made again.
   */
  z.object({
    ask: z.literal('end'),
    key: Hash,
    outcome: z.discriminatedUnion('state', [
      z.object({ state: z.literal('sent'), id: Id, threadId: Id }),
      z.object({ state: z.literal('unknown') }),
      z.object({ state: z.literal('failed') }),
      z.object({ state: z.literal('gone') })
    ])
  })
])
export type SendQuestion = z.infer<typeof SendQuestion>

export const SendAnswer = z.discriminatedUnion('state', [
  /** Nobody has sent it. Where it was begun: send, under the Message-ID that was named. */
  z.object({ state: z.literal('new') }),
  /** It was begun under this Message-ID so long ago, and nobody knows how that ended: look before it is sent again. */
  z.object({ state: z.literal('doubtful'), messageId: Id, ageMs: z.number() }),
  z.object({ state: z.literal('sent'), messageId: Id, id: Id, threadId: Id }),
  /** The key stands for another message. */
  z.object({ state: z.literal('other') }),
  /** The gateway has noted how it ended. */
  z.object({ state: z.literal('noted') }),
  /** The gateway cannot note anything now, or may no longer speak for the account: nothing may be sent. */
  z.object({ state: z.literal('unavailable') })
])
export type SendAnswer = z.infer<typeof SendAnswer>
