import type { Log } from './log.ts'

/** Most of them; there are a handful of kinds. */
const MOST = 20

/** What an operator should put right although everything goes on: in the log once, and in `/ready` from then on. */
export class Warnings {
  readonly #log: Log
  readonly #said = new Set<string>()

  constructor(log: Log) {
    this.#log = log
  }

  /** Says it the first time. `sentence` names settings, never what a client sent. */
  say(sentence: string): void {
    if (this.#said.has(sentence) || this.#said.size >= MOST) return
    this.#said.add(sentence)
    this.#log.warn(sentence)
  }

  list(): readonly string[] {
    return [...this.#said]
  }
}
