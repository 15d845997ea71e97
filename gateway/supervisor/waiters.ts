/** Callers that wait for one and the same thing, each of whom may give up. */
export class Waiters<T> {
  readonly #waiting = new Set<PromiseWithResolvers<T>>()

  get size(): number {
    return this.#waiting.size
  }

  /** Settles with `serve` or `refuse`, or rejects with the reason of `signal`; then `left` is called. */
  wait(signal: AbortSignal | undefined, left: () => void): Promise<T> {
    const waiter = Promise.withResolvers<T>()
    this.#waiting.add(waiter)
    const abort = (): void => {
      if (!this.#waiting.delete(waiter)) return
      waiter.reject(signal?.reason)
      left()
    }
    signal?.addEventListener('abort', abort, { once: true })
    return waiter.promise.finally(() => signal?.removeEventListener('abort', abort))
  }

  /** Gives each of those who wait what `make` makes for it. */
  serve(make: () => T): void {
    for (const waiter of this.#take()) waiter.resolve(make())
  }

  refuse(error: unknown): void {
    for (const waiter of this.#take()) waiter.reject(error)
  }

  #take(): PromiseWithResolvers<T>[] {
    const taken = [...this.#waiting]
    this.#waiting.clear()
    return taken
  }
}
