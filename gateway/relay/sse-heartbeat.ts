import type { Clock } from '#shared/clock.ts'

/** Proxies and clients take a stream for dead after a minute or less of silence. */
const EVERY_MS = 15_000
/** Writing to ten thousand streams in one go would hold everybody else up for 0.2 s. */
const TURNS = 60

interface Stream {
  keepAlive(): void
}

/** Breaks the silence of each stream every 15 s, a few streams at a time. */
export class SseHeartbeat {
  readonly #clock: Clock
  readonly #turns: readonly Set<Stream>[] = Array.from({ length: TURNS }, () => new Set())
  #now = 0
  #newest = 0
  #disarm: () => void

  constructor(clock: Clock) {
    this.#clock = clock
    this.#disarm = this.#arm()
  }

  /** Takes a stream in; its first turn comes within 15 s. The returned function lets it out again. */
  add(stream: Stream): () => void {
    this.#newest = (this.#newest + 1) % TURNS // so that those who come together are spread as well
    const turn = this.#turns[this.#newest]
    turn?.add(stream)
    return () => void turn?.delete(stream)
  }

  /** May be called more than once. */
  close(): void {
    this.#disarm()
  }

  #arm(): () => void {
    return this.#clock.after(EVERY_MS / TURNS, () => {
      this.#now = (this.#now + 1) % TURNS
      for (const stream of this.#turns[this.#now] ?? []) stream.keepAlive()
      this.#disarm = this.#arm()
    })
  }
}
