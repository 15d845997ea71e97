import { randomBytes } from 'node:crypto'
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/server'

/**
 * Keeps concurrent requests of one session apart even when their client gave them the same JSON-RPC id.
 * The transport and the protocol layer see `k<nonce><n>:<the id as JSON>`; the client sees its own id again.
 * The key carries the original, so an answer needs no table. The nonce keeps a client from naming the key
 * of another call.
 */
export class RequestIdMap {
  readonly #prefix = `k${randomBytes(9).toString('base64url')}`
  /** Keys in flight by original id (as JSON), for cancellation only. */
  readonly #inFlight = new Map<string, Set<string>>()
  #made = 0

  /**
   * The message as the transport should see it. Undefined for a cancellation that names an id which
   * several calls in flight share: it cannot be told which one is meant, so none is cancelled.
   */
  inbound(message: JSONRPCMessage): JSONRPCMessage | undefined {
    if (!('method' in message)) return message
    if ('id' in message) return { ...message, id: this.#key(message.id) }
    if (message.method === 'notifications/cancelled') return this.#cancellation(message)
    return message
  }

  /** The message to be sent, which turns into JSON with the id that its client knows. */
  outbound(message: JSONRPCMessage): JSONRPCMessage {
    if ('method' in message || typeof message.id !== 'string') return message
    const original = this.#original(message.id)
    if (original === undefined) return message
    this.#forget(message.id)
    // The transport finds the response stream by `message.id`, then serialises: toJSON serves both.
    return Object.defineProperty({ ...message }, 'toJSON', {
      value: () => ({ ...message, id: original })
    })
  }

  /** The transport refused a message that `inbound` had let in: no answer to it will come by. */
  refused(message: JSONRPCMessage): void {
    if ('method' in message && 'id' in message) this.#forget(String(message.id))
  }

  #key(id: RequestId): string {
    const original = JSON.stringify(id)
    this.#made += 1
    const key = `${this.#prefix}${this.#made.toString(36)}:${original}`
    const keys = this.#inFlight.get(original) ?? new Set()
    this.#inFlight.set(original, keys.add(key))
    return key
  }

  #original(key: string): RequestId | undefined {
    if (!key.startsWith(this.#prefix)) return undefined
    return JSON.parse(key.slice(key.indexOf(':') + 1))
  }

  #forget(key: string): void {
    const original = key.slice(key.indexOf(':') + 1)
    const keys = this.#inFlight.get(original)
    keys?.delete(key)
    if (keys?.size === 0) this.#inFlight.delete(original)
  }

  #cancellation(message: Extract<JSONRPCMessage, { method: string }>): JSONRPCMessage | undefined {
    const named = message.params?.requestId
    const keys = this.#inFlight.get(JSON.stringify(named))
    if (keys?.size !== 1) return undefined
    const [key] = keys
    if (key !== undefined) this.#forget(key) // a cancelled request gets no answer
    return { ...message, params: { ...message.params, requestId: key } }
  }
}
