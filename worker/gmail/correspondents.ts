import type { Clock } from '#shared/clock.ts'
import { parseAddress } from './addresses.ts'
import type { Mailbox } from './mailbox.ts'
import { readEnvelope } from './read-message.ts'

/** So many messages that the account sent are looked at; each costs 20 units of quota. */
const LOOK_AT = 10
const FRESH_MS = 600_000

/** The people that the account wrote to last, remembered for ten minutes. */
export class Correspondents {
  readonly #mailbox: Mailbox
  readonly #clock: Clock
  #known: { readonly addresses: readonly string[]; readonly at: number } | undefined

  constructor(mailbox: Mailbox, clock: Clock) {
    this.#mailbox = mailbox
    this.#clock = clock
  }

  /** Their addresses without names, the latest first. Throws a ToolError. */
  async all(signal: AbortSignal): Promise<readonly string[]> {
    const now = this.#clock.monotonic()
    if (this.#known && now - this.#known.at < FRESH_MS) return this.#known.addresses
    const page = await this.#mailbox.call(
      'messages.list',
      { q: 'in:sent', maxResults: LOOK_AT },
      signal
    )
    const sent = await Promise.all(
      (page.messages ?? []).map(({ id }) =>
        this.#mailbox.call(
          'messages.get',
          { id: id ?? '', format: 'metadata', metadataHeaders: ['To', 'Cc'] },
          signal
        )
      )
    )
    const addresses = sent
      .map(readEnvelope)
      .flatMap(({ to, cc }) => [...to, ...cc])
      .flatMap((each) => parseAddress(each)?.address.toLowerCase() ?? [])
    this.#known = { addresses: [...new Set(addresses)], at: now }
    return this.#known.addresses
  }
}
