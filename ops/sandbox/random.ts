/** Repeatable randomness for seeded content: the same words give the same numbers. Never for secrets. */
export interface Random {
  /** From 0 up to, not including, 1. */
  next(): number
  /** An integer from 0 up to, not including, `end`. */
  below(end: number): number
  pick<T>(choices: readonly [T, ...T[]]): T
}

/** A generator that starts from a text (mulberry32 over an FNV-1a hash). */
export function createRandom(from: string): Random {
  let state = hash(from)
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
  const below = (end: number) => Math.floor(next() * end)
  return {
    next,
    below,
    pick: (choices) => choices[below(choices.length)] ?? choices[0]
  }
}

function hash(text: string): number {
  let value = 0x811c9dc5
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193)
  return value >>> 0
}
