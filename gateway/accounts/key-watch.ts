import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import type { GoogleGrants } from './google-grants.ts'
import { checkKeys, type KeyCheckParts, type KeyTrouble } from './key-check.ts'
import type { KeyFile } from './key-file.ts'

export interface KeyWatchParts extends KeyCheckParts {
  readonly keyFile: KeyFile
  readonly grants: Pick<GoogleGrants, 'countByKey' | 'reseal'>
  readonly clock: Clock
  /** Hears of trouble when it begins, changes, and once a minute while it goes on. Must not throw. */
  readonly onTrouble: (trouble: KeyTrouble) => void
  readonly onOver: (trouble: KeyTrouble) => void
  /** Another newest key seals now; so many grants were sealed anew under it. */
  readonly onRotated: (resealed: number) => void
  /** The store could not be asked. */
  readonly failed: (error: unknown) => void
}

const LOOK_MS = 5000
/** How often an operator is told of one and the same trouble. */
const REPEAT_MS = 60_000

/**
 * Sees to it that a lost or old file of keys is told at once, not when somebody's token is fetched, and that a
 * rotation takes effect while the gateway runs.
 */
export class KeyWatch {
  readonly #parts: KeyWatchParts
  #trouble: KeyTrouble | undefined
  #toldAt = 0
  #looking: Promise<void> | undefined
  #isFirst = true
  #isClosed = false
  #disarm = (): void => {}

  constructor(parts: KeyWatchParts) {
    this.#parts = parts
  }

  /** What is wrong as far as is known now. */
  get trouble(): KeyTrouble | undefined {
    return this.#trouble
  }

  /** Looks now, and every few seconds from then on. Never rejects. */
  async start(): Promise<void> {
    await this.look()
    this.#arm()
  }

  /** Looks at the file and the store. Callers that come together share one look. Never rejects. */
  look(): Promise<void> {
    this.#looking ??= this.#look()
      .catch(this.#parts.failed)
      .finally(() => {
        this.#looking = undefined
      })
    return this.#looking
  }

  /** Waits for a look that is under way. May be called more than once. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#disarm()
    await this.#looking
  }

  #arm(): void {
    if (this.#isClosed) return
    this.#disarm = this.#parts.clock.after(LOOK_MS, () => void this.look().then(() => this.#arm())) // never rejects
  }

  async #look(): Promise<void> {
    const { keyFile, grants, onRotated } = this.#parts
    const unreadable = refusalOf(keyFile)
    if (unreadable) return this.#heard(unreadable)
    const isRotated = this.#isFirst // it may have been while nobody looked
    const found = await checkKeys(this.#parts, keyFile.keyring, { isRotated })
    this.#isFirst = false
    if (found?.kind === 'lost' || !keyFile.adopt()) return this.#heard(found)
    onRotated(await grants.reseal())
    this.#heard(await checkKeys(this.#parts, keyFile.keyring, { isRotated: true }))
  }

  #heard(trouble: KeyTrouble | undefined): void {
    const { clock, onTrouble, onOver } = this.#parts
    const before = this.#trouble
    const isNew = before?.kind !== trouble?.kind
    this.#trouble = trouble
    if (before && isNew) onOver(before)
    if (!trouble || (!isNew && clock.monotonic() - this.#toldAt < REPEAT_MS)) return
    this.#toldAt = clock.monotonic()
    onTrouble(trouble)
  }
}

function refusalOf(keyFile: KeyFile): KeyTrouble | undefined {
  try {
    keyFile.refresh()
    return undefined
  } catch (error) {
    const why = error instanceof GatewayError ? error.message : 'it cannot be read.'
    return {
      kind: 'unreadable',
      sentence: `ERR_VAULT: ${why} The gateway goes on with the keys that it has, and could not start again. Put the file back; no restart is needed.`
    }
  }
}
