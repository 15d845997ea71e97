/** One request to a model, whatever the API it came over. */
export interface ModelRequest {
  /** Names of the tools that the model may call, as the client wrote them. */
  readonly tools: readonly string[]
  /** What the tools answered so far in this conversation, in order, as the client put it. */
  readonly results: readonly unknown[]
  readonly isStreaming: boolean
}

/** What the model does next: it calls a tool, or says something and ends its turn. */
export type ModelTurn =
  | { readonly kind: 'call'; readonly tool: string; readonly args: object }
  | { readonly kind: 'say'; readonly text: string }

/** An event of a stream; without a name it is only data. */
export interface StreamEvent {
  readonly event?: string
  readonly data: object | string
}

/** One API of a model. Bodies are as their vendors document them; unknown members are left alone. */
export interface ModelWire {
  /** Whether a POST to this path is for it. */
  matches(path: string): boolean
  read(body: unknown, path: string): ModelRequest
  /** The whole answer, for clients that do not stream. `id` is new for each answer. */
  answer(turn: ModelTurn, body: unknown, id: number): object
  /** The same as a stream of events. */
  stream(turn: ModelTurn, body: unknown, id: number): readonly StreamEvent[]
}
