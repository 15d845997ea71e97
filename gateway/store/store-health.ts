import type { StoreEvents } from './engine.ts'
import type { StoreTrouble } from './store-trouble.ts'

/** Hears of what should be told to operators. Must not throw. */
export interface StoreNews {
  /** A kind of trouble began, or goes on after `repeatMs`. `failed` counts statements since it was told last. */
  trouble?(trouble: StoreTrouble, failed: number): void
  /** Everything works again, after so many seconds. */
  recovered?(trouble: StoreTrouble, seconds: number): void
  /** One statement failed. */
  failed?(trouble: StoreTrouble): void
  /** A statement waited for another program's lock. */
  waited?(seconds: number): void
}

/** How often an operator is told of one and the same trouble. */
const REPEAT_MS = 60_000

interface Current {
  readonly trouble: StoreTrouble
  readonly since: number
  toldAt: number
  failed: number
}

/** Whether the store is well: the last thing that was heard of it. */
export class StoreHealth implements StoreEvents {
  readonly #news: StoreNews
  readonly #monotonic: () => number
  #current: Current | undefined

  constructor(news: StoreNews, monotonic: () => number = () => performance.now()) {
    this.#news = news
    this.#monotonic = monotonic
  }

  get trouble(): StoreTrouble | undefined {
    return this.#current?.trouble
  }

  failed(trouble: StoreTrouble): void {
    this.#news.failed?.(trouble)
    this.found(trouble)
  }

  /** Trouble that no statement has met yet. */
  found(trouble: StoreTrouble): void {
    const now = this.#monotonic()
    const current = this.#current
    const isNew = current?.trouble.kind !== trouble.kind
    if (isNew && current) this.well() // one kind of trouble at a time
    const failed = (isNew ? 0 : (current?.failed ?? 0)) + 1
    if (!isNew && current && now - current.toldAt < REPEAT_MS) {
      current.failed = failed
      return
    }
    this.#current = {
      trouble,
      since: isNew ? now : (current?.since ?? now),
      toldAt: now,
      failed: 0
    }
    this.#news.trouble?.(trouble, failed)
  }

  wrote(): void {
    // A write that has worked says nothing of a file that is no longer where it was.
    if (this.#current && this.#current.trouble.kind !== 'deleted') this.well()
  }

  /** Everything was tried, and works. */
  well(): void {
    const current = this.#current
    if (!current) return
    this.#current = undefined
    this.#news.recovered?.(current.trouble, (this.#monotonic() - current.since) / 1000)
  }

  waited(seconds: number): void {
    this.#news.waited?.(seconds)
  }
}
