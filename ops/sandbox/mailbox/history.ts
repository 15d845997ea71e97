export type HistoryKind = 'messageAdded' | 'messageDeleted' | 'labelAdded' | 'labelRemoved'

/** One change of one message, in the order of `id`. */
export interface HistoryRecord {
  readonly id: number
  readonly kind: HistoryKind
  readonly messageId: string
  readonly threadId: string
  /** The message's labels after the change. */
  readonly labelIds: readonly string[]
  /** What was added or removed, for the two label kinds. */
  readonly changed?: readonly string[]
}

/** Older records are dropped; who asks for them must synchronise anew. */
const MAX_RECORDS = 5000

/** What happened in a mailbox, numbered. */
export class History {
  #records: HistoryRecord[] = []
  #lastId: number
  /** The lowest number that can still be continued from. */
  #start: number

  constructor(start: number) {
    this.#lastId = start
    this.#start = start
  }

  get id(): number {
    return this.#lastId
  }

  /** A number for a change; the caller may then record it. */
  advance(): number {
    this.#lastId += 1
    return this.#lastId
  }

  record(record: HistoryRecord): void {
    this.#records.push(record)
    if (this.#records.length <= MAX_RECORDS) return
    this.#start = this.#records.shift()?.id ?? this.#start
  }

  /** The changes after `id`; undefined when it is too old or was never given out. */
  since(id: number): readonly HistoryRecord[] | undefined {
    if (id < this.#start || id > this.#lastId) return undefined
    return this.#records.filter((record) => record.id > id)
  }

  /** Forgets all records, so that a synchronisation starts from here: the state after seeding. */
  forget(): void {
    this.#records = []
    this.#start = this.#lastId
  }

  snapshot() {
    return { records: this.#records, lastId: this.#lastId, start: this.#start }
  }

  restore(saved: ReturnType<History['snapshot']>): void {
    this.#records = [...saved.records]
    this.#lastId = saved.lastId
    this.#start = saved.start
  }
}
