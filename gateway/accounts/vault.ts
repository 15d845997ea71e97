import { CompactEncrypt, compactDecrypt } from 'jose'
import { GatewayError } from '#shared/errors.ts'
import type { UserId } from '#shared/ids.ts'
import type { Keyring } from './keyring.ts'

const KEY_WRAP = 'A256GCMKW'
const CONTENT = 'A256GCM'

/** What a sealed text is for. It is authenticated, so a text cannot be used for another purpose. */
type SealedUse = 'google-refresh-token' | 'key-check'

interface Sealed {
  /** A compact JWE (RFC 7516). */
  readonly sealed: string
  readonly kid: string
}

/** Seals secrets of users for storage: one fresh content key per text, wrapped by the vault's key. */
export interface Vault {
  /** The key that seals now. Rows that carry another one should be sealed again. */
  readonly currentKid: string
  seal(userId: UserId, use: SealedUse, secret: string): Promise<Sealed>
  /** Throws ERR_VAULT when the text was changed, was sealed for somebody else, or its key is gone. */
  open(userId: UserId, use: SealedUse, sealed: string): Promise<string>
}

/** The keys of the moment; they may change while the vault is used. */
export interface VaultKeys extends Pick<Keyring, 'vault'> {
  /** Looks whether other keys have come; asked for when one is missing. Must not throw. */
  readonly lookAgain?: () => void
}

export function createVault(ring: VaultKeys): Vault {
  const keyNamed = (kid: unknown): Uint8Array => {
    const find = () => (typeof kid === 'string' ? ring.vault.keys.get(kid) : undefined)
    let key = find()
    if (!key) {
      ring.lookAgain?.()
      key = find()
    }
    if (!key) throw new GatewayError('ERR_VAULT', 'The key of a stored secret is not at hand.')
    return key
  }
  return {
    get currentKid() {
      return ring.vault.current
    },
    async seal(userId, use, secret) {
      const { current } = ring.vault
      const sealed = await new CompactEncrypt(new TextEncoder().encode(secret))
        .setProtectedHeader({ alg: KEY_WRAP, enc: CONTENT, kid: current, sub: userId, use })
        .encrypt(keyNamed(current))
      return { sealed, kid: current }
    },
    async open(userId, use, sealed) {
      const { plaintext, protectedHeader } = await decrypt(sealed, keyNamed)
      if (protectedHeader.sub !== userId || protectedHeader.use !== use) {
        throw new GatewayError('ERR_VAULT', 'A stored secret was sealed for another record.')
      }
      return new TextDecoder().decode(plaintext)
    }
  }
}

/** The algorithms are fixed here and never taken from the text (RFC 8725 §3.1). */
async function decrypt(sealed: string, keyNamed: (kid: unknown) => Uint8Array) {
  try {
    return await compactDecrypt(sealed, ({ kid }) => keyNamed(kid), {
      keyManagementAlgorithms: [KEY_WRAP],
      contentEncryptionAlgorithms: [CONTENT]
    })
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause
    throw new GatewayError('ERR_VAULT', 'A stored secret cannot be opened.', { cause })
  }
}
