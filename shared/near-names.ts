/** Of the known names, those that somebody may have meant who wrote this one; the nearest first. */
export function nearNames(given: string, known: readonly string[]): string[] {
  const written = folded(given)
  return known
    .map((name) => ({ name, distance: distance(written, folded(name)) }))
    .filter(({ name, distance }) => distance <= (folded(name).length < 6 ? 1 : 2))
    .sort((a, b) => a.distance - b.distance)
    .map(({ name }) => name)
}

/** `message_id`, `messageID` and `messageId` are one name. */
const folded = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '')

/** Edits that turn one word into the other; two letters that changed places count as one (optimal string alignment). */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return Number.POSITIVE_INFINITY
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  const at = (i: number, j: number): number => rows[i]?.[j] ?? Number.POSITIVE_INFINITY
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i]
    rows.push(row)
    for (let j = 1; j <= b.length; j += 1) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1
      const isSwap = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const swapped = isSwap ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY
      row.push(Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + change, swapped))
    }
  }
  return at(a.length, b.length)
}
