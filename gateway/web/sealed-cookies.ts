import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import type { CookieSerializeOptions } from '@fastify/cookie'
import { EncryptJWT, jwtDecrypt } from 'jose'
import type { Clock } from '#shared/clock.ts'
import type { Keyring } from '../accounts/keyring.ts'

/** What a sealed cookie is for: one cookie cannot be used in the place of another. */
type CookiePurpose = 'google-visit' | 'account' | 'confirmation' | 'mailboxes'

/** State that the browser keeps for us without being able to read or change it. */
export interface SealedCookies {
  /** `__Host-` where it can be (https): a sibling domain can then not plant one (RFC 6265bis §4.1.3.2). */
  name(base: string): string
  /** Attributes of every cookie here. */
  readonly attributes: CookieSerializeOptions
  seal(purpose: CookiePurpose, content: object, lifeSeconds: number): Promise<string>
  /** Undefined for what is not ours, changed, expired, or for another purpose. */
  open(purpose: CookiePurpose, sealed: string): Promise<unknown>
  /** A token that ties a form to `subject`, so that no other page can send it (CSRF). */
  formToken(subject: string): string
  isFormToken(subject: string, token: unknown): boolean
}

export interface SealedCookiesParts {
  readonly keyring: Pick<Keyring, 'cookies'>
  readonly clock: Clock
  readonly secure: boolean
}

const KEY_BYTES = 32

export function createSealedCookies({ keyring, clock, secure }: SealedCookiesParts): SealedCookies {
  const keysFor = (use: string) => keyring.cookies.map((key) => deriveKey(key, use))
  const sealingKeys = keysFor('sealed cookies')
  const formKeys = keysFor('form tokens')
  const [sealingKey] = sealingKeys
  const [formKey] = formKeys
  if (!sealingKey || !formKey) throw new TypeError('a keyring has at least one cookie key')

  const sign = (key: Uint8Array, subject: string) =>
    createHmac('sha256', key).update(subject).digest()

  return {
    name: (base) => (secure ? `__Host-${base}` : base),
    attributes: { path: '/', httpOnly: true, secure, sameSite: 'lax' },

    seal: (purpose, content, lifeSeconds) =>
      new EncryptJWT({ content })
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
        .setAudience(purpose)
        .setExpirationTime(Math.floor(clock.now() / 1000) + lifeSeconds)
        .encrypt(sealingKey),

    async open(purpose, sealed) {
      for (const key of sealingKeys) {
        const opened = await jwtDecrypt<{ content: unknown }>(sealed, key, {
          audience: purpose,
          currentDate: new Date(clock.now()),
          keyManagementAlgorithms: ['dir'],
          contentEncryptionAlgorithms: ['A256GCM']
        }).catch(() => undefined)
        if (opened) return opened.payload.content
      }
      return undefined
    },

    formToken: (subject) => sign(formKey, subject).toString('base64url'),

    isFormToken(subject, token) {
      if (typeof token !== 'string') return false
      const given = Buffer.from(token, 'base64url')
      return formKeys.some((key) => {
        const expected = sign(key, subject)
        return given.length === expected.length && timingSafeEqual(given, expected)
      })
    }
  }
}

/** One key of the file serves several uses, each through its own derived key (RFC 5869). */
const deriveKey = (key: string, use: string) =>
  new Uint8Array(hkdfSync('sha256', Buffer.from(key, 'base64url'), '', use, KEY_BYTES))
