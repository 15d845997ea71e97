import type { ModelRequest, ModelTurn } from './wire.ts'

/** A call that the model is to make, with what happens before it. */
export interface ScriptedCall {
  readonly tool: string
  readonly args: object
  /** Runs once, right before the call: ends a worker, restarts the gateway. */
  readonly before?: (() => Promise<void>) | undefined
}

/** What came of a conversation. */
export interface Conversation {
  /** Names of the tools in the last request that had any. */
  readonly tools: readonly string[]
  /** What the model was given as the result of each call. */
  readonly given: readonly unknown[]
  /** The body of the last request, in which a client may also have put images beside the results. */
  readonly lastBody: unknown
}

/**
 * What the stand-in model does in one conversation: the calls of the script in their order, one after each answer,
 * and a last word. It does not read what it is told.
 */
export class Script {
  readonly #calls: readonly ScriptedCall[]
  readonly #prepared = new Map<number, Promise<void>>()
  #seen: Conversation = { tools: [], given: [], lastBody: undefined }

  constructor(calls: readonly ScriptedCall[]) {
    this.#calls = calls
  }

  get conversation(): Conversation {
    return this.#seen
  }

  /** Requests without tools are a client's own (a title, a summary): they get words. */
  async next({ tools, results }: ModelRequest, body: unknown): Promise<ModelTurn> {
    if (tools.length === 0) return { kind: 'say', text: 'OK' }
    if (results.length >= this.#seen.given.length)
      this.#seen = { tools, given: results, lastBody: body }
    const call = this.#calls[results.length]
    if (!call) return { kind: 'say', text: 'DONE' }
    await this.#prepare(results.length, call)
    return { kind: 'call', tool: nameAmong(tools, call.tool), args: call.args }
  }

  /** A client that repeats its request does not make things happen twice. */
  #prepare(index: number, { before }: ScriptedCall): Promise<void> {
    const begun = this.#prepared.get(index) ?? before?.() ?? Promise.resolve()
    this.#prepared.set(index, begun)
    return begun
  }
}

/** Clients put a server's name before a tool's. */
const nameAmong = (names: readonly string[], tool: string): string =>
  names.find((name) => name === tool) ?? names.find((name) => name.endsWith(tool)) ?? tool
