import { combined, type LineWords, STEP } from './line-words.ts'
import { MarkedNumbers } from './marked-numbers.ts'

/**
 * What earlier messages of a conversation said, as lines and as runs of words. Only what it will be asked for is kept: a
 * thread says much more than is quoted on one page of it.
 */
export class Said {
  readonly #runs = new MarkedNumbers(MAX_RUNS)
  readonly #lines = new MarkedNumbers(MAX_RUNS)

  /**
   * @param asked the lines that `has` will be asked for. What goes beyond 300,000 different words and runs of words
   *   counts as new.
   */
  constructor(asked: Iterable<LineWords>) {
    for (const line of asked) {
      const { runs, from, count } = line
      if (count <= RUN_WORDS) this.#lines.add(combined(line))
      for (let at = from; at < from + count * STEP; at += 1) this.#runs.add(runs[at] ?? 0)
    }
  }

  add(lines: readonly LineWords[]): void {
    for (const line of lines) {
      const { runs, from, count } = line
      if (count <= RUN_WORDS) this.#lines.mark(combined(line))
      for (let at = from; at < from + count * STEP; at += STEP) {
        // Nobody asks for a run that ends with a word nobody asks for.
        if (!this.#runs.mark(runs[at] ?? 0)) continue
        this.#runs.mark(runs[at + 1] ?? 0)
        this.#runs.mark(runs[at + 2] ?? 0)
      }
    }
  }

  /**
   * Whether this line was said, apart from a few words. A short one that carries no mark of a quote must have been a line
   * of its own: `Yes` below a quoted question is an answer.
   */
  has(line: LineWords, isMarked: boolean): boolean {
    const { runs, from, count } = line
    if (count <= RUN_WORDS && !isMarked) return this.#lines.isMarked(combined(line))
    let all = 0
    let known = 0
    for (let at = from; at < from + count * STEP; at += 1) {
      const run = runs[at] ?? 0
      if (run === 0) continue
      all += 1
      if (this.#runs.isMarked(run)) known += 1
    }
    return known >= all * MOSTLY
  }
}

const MAX_RUNS = 300_000
const RUN_WORDS = 3
/** Quoting changes a few words: addresses become links, lines are wrapped anew. */
const MOSTLY = 0.7
