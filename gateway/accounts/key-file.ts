import { type Stats, statSync } from 'node:fs'
import { type Keyring, loadKeyring } from './keyring.ts'

/**
 * SECRETS_FILE while the gateway runs. It may be replaced at any time. What was ever read from it opens until the end
 * of the process; what seals changes only by `adopt`, so that a wrong file seals nothing.
 */
export class KeyFile {
  readonly #path: string
  #seen: string
  #keyring: Keyring
  #vault: Keyring['vault']
  #refusal: unknown

  /** Throws ERR_CONFIG when the file cannot be used. */
  constructor(path: string) {
    this.#path = path
    this.#seen = lookAt(path)
    this.#keyring = loadKeyring(path)
    this.#vault = this.#keyring.vault
  }

  /** What the file held when it was last good. */
  get keyring(): Keyring {
    return this.#keyring
  }

  /** To seal with, and to open with. */
  get vault(): Keyring['vault'] {
    return this.#vault
  }

  /** From now on the newest key of the file seals; answers whether it is another one than before. */
  adopt(): boolean {
    const { current } = this.#keyring.vault
    if (current === this.#vault.current) return false
    this.#vault = { ...this.#vault, current }
    return true
  }

  /** Reads the file if it has changed. Never throws: `refresh` says what is wrong. */
  lookAgain(): void {
    try {
      this.refresh()
    } catch {} // the one that looks now and then tells it
  }

  /** Reads the file if it has changed. Throws ERR_CONFIG when it cannot be used now; the keys stay as they were. */
  refresh(): void {
    const now = lookAt(this.#path)
    if (now === this.#seen) {
      if (this.#refusal !== undefined) throw this.#refusal
      return
    }
    this.#seen = now
    try {
      this.#keyring = loadKeyring(this.#path)
      this.#refusal = undefined
    } catch (error) {
      this.#refusal = error
      throw error
    }
    const { current, keys } = this.#vault
    this.#vault = { current, keys: new Map([...this.#keyring.vault.keys, ...keys]) }
  }
}

/** Differs whenever another file, or other content, stands at the path. */
function lookAt(path: string): string {
  const stats: Stats | undefined = statSync(path, { throwIfNoEntry: false })
  return stats ? [stats.dev, stats.ino, stats.size, stats.mtimeMs, stats.mode].join(' ') : 'none'
}
