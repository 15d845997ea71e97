import { isAttachment } from './attachment.ts'
import type { Message, MessagePart } from './mailbox.ts'

/** What one person's worker holds of their mail, in characters of JSON. */
const MAX_CHARS = 8_000_000
/** A longer message would push out many others. */
const MAX_MESSAGE_CHARS = 256_000

/** How much of a message is held: its header, or also its bodies. */
export type Depth = 'header' | 'whole'

export interface LabelChange {
  readonly addLabelIds?: readonly string[] | undefined
  readonly removeLabelIds?: readonly string[] | undefined
}

interface Held {
  /** Without labels: all of it is the same for ever (messages do not change, and an id of Gmail's is of one message). */
  readonly content: Message
  readonly depth: Depth
  readonly chars: number
  readonly labels: Set<string>
}

/** Messages in memory, up to a bound, of which those that were used longest ago make room. */
export class HeldMessages {
  /** The one used last at the end. */
  readonly #messages = new Map<string, Held>()
  #chars = 0

  has(id: string, depth: Depth): boolean {
    const held = this.#messages.get(id)
    return held !== undefined && (depth === 'header' || held.depth === 'whole')
  }

  /** A message as Gmail would hand it out now, if it is held in this depth. */
  shown(id: string, depth: Depth): Message | undefined {
    const held = this.#messages.get(id)
    if (!held || !this.has(id, depth)) return undefined
    this.#messages.delete(id)
    this.#messages.set(id, held)
    return { ...held.content, labelIds: [...held.labels] }
  }

  payloadOf(id: string): MessagePart | undefined {
    return this.#messages.get(id)?.content.payload
  }

  /** One that is too long is not held, and a header does not take the place of a whole message. */
  keep(message: Message, depth: Depth): void {
    const { id, labelIds, ...rest } = message
    if (!id || (depth === 'header' && this.has(id, 'whole'))) return
    const content = { id, ...rest, ...(rest.payload && { payload: withoutFiles(rest.payload) }) }
    const chars = JSON.stringify(content).length
    this.drop(id)
    if (chars > MAX_MESSAGE_CHARS) return
    this.#messages.set(id, { content, depth, chars, labels: new Set(labelIds) })
    this.#chars += chars
    for (const oldest of this.#messages.keys()) {
      if (this.#chars <= MAX_CHARS) break
      this.drop(oldest)
    }
  }

  /** Of messages that are not held nothing is noted. */
  relabel(ids: readonly string[], { addLabelIds = [], removeLabelIds = [] }: LabelChange): void {
    for (const id of ids) {
      const labels = this.#messages.get(id)?.labels
      for (const label of addLabelIds) labels?.add(label)
      for (const label of removeLabelIds) labels?.delete(label)
    }
  }

  drop(id: string): void {
    this.#chars -= this.#messages.get(id)?.chars ?? 0
    this.#messages.delete(id)
  }

  clear(): void {
    this.#messages.clear()
    this.#chars = 0
  }
}

/** The same parts. A file that can be fetched again is not held. */
function withoutFiles(part: MessagePart): MessagePart {
  const { parts, body } = part
  if (parts) return { ...part, parts: parts.map(withoutFiles) }
  if (!body?.data || !body.attachmentId || !isAttachment(part)) return part
  const { data: _, ...rest } = body
  return { ...part, body: rest }
}
