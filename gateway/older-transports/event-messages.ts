import type { IncomingMessage } from 'node:http'
import { SseFramer } from '../relay/sse-framing.ts'

/** Gmail's largest message in base64, and some more: a longer event is no answer of ours. */
const EVENT_LIMIT = 64 * 2 ** 20
/** An event of which more is held than this is long: few of those are held at a time. */
const LONG_BYTES = 256 * 1024

/** Lets the caller hold a long event once it is its turn; the returned function ends the turn. */
export type Turn = () => Promise<() => void>

/**
 * The JSON-RPC messages in an answer of `/mcp`, each as text, be it JSON or an event stream. A long one waits
 * for its `turn`, which lasts until the next message is asked for.
 */
export async function* messagesIn(answer: IncomingMessage, turn: Turn): AsyncGenerator<string> {
  if (!answer.headers['content-type']?.startsWith('text/event-stream')) {
    yield* await jsonMessages(answer)
    return
  }
  const events = new SseFramer()
  let endTurn: (() => void) | undefined
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      const whole = events.push(chunk)
      if (whole) yield* whole.toString('utf8').split('\n\n').flatMap(messageOf)
      if (whole) endTurn = void endTurn?.()
      if (events.heldBytes > EVENT_LIMIT) throw new Error('an event is too long')
      if (events.heldBytes > LONG_BYTES) endTurn ??= await turn()
    }
  } finally {
    endTurn?.()
  }
}

async function jsonMessages(answer: IncomingMessage): Promise<string[]> {
  const chunks: Buffer[] = []
  for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString('utf8')
  if (!text.startsWith('[')) return text === '' ? [] : [text]
  return (JSON.parse(text) as unknown[]).map((message) => JSON.stringify(message))
}

/** A comment has none, nor has an event of another kind, such as one that was cut off. */
function messageOf(event: string): string[] {
  const types = [...event.matchAll(/^event: ?(.*)$/gm)]
  if (types.length > 0 && types.at(-1)?.[1] !== 'message') return []
  return /^data: ?(.+)$/m.exec(event)?.slice(1) ?? []
}
