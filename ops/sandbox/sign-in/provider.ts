import type { Clock } from '#shared/clock.ts'
import type { Account } from '../sandbox-user.ts'
import type { Grants } from './grants.ts'
import type { SigningKey } from './signing-key.ts'

/** What the sign-in endpoints share. */
export interface Provider {
  /** The sandbox's own origin. */
  issuer(): string
  readonly client: { readonly id: string; readonly secret: string }
  /** Whether a client may be sent back there. */
  isRedirectUri(uri: string): boolean
  readonly accounts: readonly Account[]
  readonly grants: Grants
  readonly key: SigningKey
  readonly clock: Clock
}

/** The rule when no list is given: any https address, and http on this machine only. */
export function isSafeRedirect(uri: string): boolean {
  const url = URL.parse(uri)
  if (url?.hash !== '') return false
  if (url.protocol === 'https:') return true
  return url.protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
}
