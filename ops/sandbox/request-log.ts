export interface LoggedRequest {
  /** Milliseconds since the epoch: when it was answered. */
  readonly at: number
  /** When it came. */
  readonly cameAt: number
  /** The address that it came from. */
  readonly from: string
  readonly verb: string
  /** Gmail's method name such as `messages.get`, or the sign-in endpoint's, such as `token`. */
  readonly method: string
  /** The path with its variable parts as `:name`; never a query. */
  readonly path: string
  /** The account's address, once the token or the page told it. */
  readonly user: string | undefined
  /** 0 when the connection ended before an answer. */
  readonly status: number
  /** The scheme of the Authorization header; never its value. */
  readonly authorization: string | undefined
}

const MAX_ENTRIES = 200_000

/** Every request that the sandbox answered, oldest first, without any secret in it. */
export class RequestLog {
  #entries: LoggedRequest[] = []

  add(entry: LoggedRequest): void {
    this.#entries.push(entry)
    if (this.#entries.length > MAX_ENTRIES) this.#entries = this.#entries.slice(MAX_ENTRIES / 2)
  }

  /** All entries, or those that equal `match` in every field it names. */
  list(match: Partial<LoggedRequest> = {}): readonly LoggedRequest[] {
    const wanted = Object.entries(match)
    return this.#entries.filter((entry) =>
      wanted.every(([key, value]) => entry[key as keyof LoggedRequest] === value)
    )
  }

  clear(): void {
    this.#entries = []
  }
}
