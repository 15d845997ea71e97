import type { Clock } from '#shared/clock.ts'
import { ToolError } from '#shared/tool-error.ts'
import type { Label, Mailbox } from './mailbox.ts'
import { unlessAborted } from './unless-aborted.ts'

/** Labels change outside of this program too, so they are read again after this time. */
const FRESH_MS = 30_000
const MAX_NEAR = 5

interface Read {
  readonly labels: Promise<readonly Label[]>
  readonly at: number
}

/** The account's labels, by id and by name. */
export class LabelCache {
  readonly #mailbox: Mailbox
  readonly #clock: Clock
  #read: Read | undefined

  constructor(mailbox: Mailbox, clock: Clock) {
    this.#mailbox = mailbox
    this.#clock = clock
  }

  /** All labels, at most half a minute old. */
  async all(signal: AbortSignal): Promise<readonly Label[]> {
    const read = this.#read
    const isFresh = read && this.#clock.monotonic() - read.at < FRESH_MS
    return unlessAborted((isFresh ? read : this.#readAgain()).labels, signal)
  }

  /** For everybody who asks meanwhile, so it goes on when the call that began it is cancelled. */
  #readAgain(): Read {
    const signal = new AbortController().signal
    const labels = this.#mailbox.call('labels.list', {}, signal).then((list) => list.labels ?? [])
    const read = { labels, at: this.#clock.monotonic() }
    this.#read = read
    labels.catch(() => {
      if (this.#read === read) this.#read = undefined
    })
    return read
  }

  /** Has the labels read again: something was changed. */
  forget(): void {
    this.#read = undefined
  }

  /**
   * Ids of labels that were named by id or by name, whatever the case. Throws `invalid_argument` for an unknown name,
   * with names that look like it, and for one that fits several labels.
   */
  async resolve(given: readonly string[], signal: AbortSignal): Promise<string[]> {
    if (given.length === 0) return []
    let labels = await this.all(signal)
    if (given.some((each) => matches(labels, each).length === 0)) {
      this.forget()
      labels = await this.all(signal)
    }
    return [...new Set(given.map((each) => resolveOne(labels, each)))]
  }

  /** Names of labels, for showing; an id that is unknown stays as it is. */
  async names(ids: readonly string[], signal: AbortSignal): Promise<string[]> {
    if (ids.length === 0) return []
    const labels = await this.all(signal)
    const nameOf = new Map(labels.map((label) => [label.id, label.name]))
    return ids.map((id) => nameOf.get(id) ?? id)
  }
}

/** Labels that fit: the id, else the exact name, else the name in another case. */
export function matches(labels: readonly Label[], given: string): readonly Label[] {
  const wanted = given.trim()
  const folded = wanted.toLowerCase()
  for (const fits of [
    (label: Label) => label.id === wanted,
    (label: Label) => label.name === wanted,
    (label: Label) => label.name?.toLowerCase() === folded || label.id?.toLowerCase() === folded,
    (label: Label) => label.id?.toLowerCase() === `category_${folded}`
  ]) {
    const found = labels.filter(fits)
    if (found.length > 0) return found
  }
  return []
}

function resolveOne(labels: readonly Label[], given: string): string {
  const [label, ...more] = matches(labels, given)
  if (!label?.id) {
    const near = nearNames(labels, given)
    const hint = near.length > 0 ? ` Did you mean ${near.join(', ')}?` : ''
    throw new ToolError('invalid_argument', `There is no label "${given}".${hint}`)
  }
  if (more.length > 0)
    throw new ToolError(
      'invalid_argument',
      `Several labels are named "${given}"; give the id: ${[label, ...more].map(({ id }) => id).join(', ')}.`
    )
  return label.id
}

function nearNames(labels: readonly Label[], given: string): string[] {
  const wanted = given.trim().toLowerCase().slice(0, 60)
  return labels
    .map(({ name }) => ({
      name: name ?? '',
      distance: nearness(wanted, (name ?? '').toLowerCase())
    }))
    .filter(({ distance }) => distance <= Math.max(2, wanted.length / 3))
    .toSorted((a, b) => a.distance - b.distance)
    .slice(0, MAX_NEAR)
    .map(({ name }) => `"${name}"`)
}

/** Levenshtein's distance; 1 where one name contains the other. */
function nearness(a: string, b: string): number {
  if (a.length > 2 && b.includes(a)) return 1
  if (Math.abs(a.length - b.length) > 20) return Number.POSITIVE_INFINITY
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i]
    for (let j = 1; j <= b.length; j += 1)
      row[j] = Math.min(
        (previous[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      )
    previous = row
  }
  return previous[b.length] ?? 0
}
