import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import * as z from 'zod'
import { GatewayError } from '#shared/errors.ts'

/** The gateway's own keys, one set for each purpose. The newest of a set works, older ones still open. */
export interface Keyring {
  readonly vault: { readonly current: string; readonly keys: ReadonlyMap<string, Uint8Array> }
  /** Newest first. */
  readonly cookies: readonly string[]
  /** ES256 private keys, newest first. */
  readonly signing: readonly SigningKey[]
}

const KEY_BYTES = 32
/** 32 random bytes hold about 30 distinct values; fewer than this means that somebody typed them. */
const LEAST_DISTINCT_BYTES = 16

const SigningKey = z.strictObject({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  alg: z.literal('ES256'),
  use: z.literal('sig'),
  kid: z.string().min(1).max(64),
  x: z.string(),
  y: z.string(),
  d: z.string()
})
type SigningKey = z.infer<typeof SigningKey>

const Secret = z.base64url().refine((text) => isStrong(Buffer.from(text, 'base64url')), {
  error: `must be ${KEY_BYTES} random bytes in base64url`
})

const KeyringFile = z.strictObject({
  vault: z
    .strictObject({
      current: z.string(),
      keys: z.record(z.string().regex(/^[\w-]{1,64}$/), Secret)
    })
    .refine(({ current, keys }) => Object.hasOwn(keys, current), {
      error: 'current must name one of the keys'
    }),
  cookies: z.array(Secret).min(1),
  signing: z
    .array(SigningKey.refine(isSigningKey, { error: 'must be a valid P-256 private key' }))
    .min(1)
})
type KeyringFile = z.infer<typeof KeyringFile>

/**
 * Reads SECRETS_FILE. Throws ERR_CONFIG, with one sentence that says what to do, when the file is
 * missing, unreadable, open to others, malformed, weak, or uses one key for two purposes.
 */
export function loadKeyring(path: string, warn: (sentence: string) => void = () => {}): Keyring {
  const parsed = KeyringFile.safeParse(readPrivateJson(path, warn))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw refusal(`${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'invalid'}`)
  }
  const file = parsed.data
  const secrets = [
    ...Object.values(file.vault.keys),
    ...file.cookies,
    ...file.signing.map(({ d }) => d)
  ]
  if (new Set(secrets.map(canonical)).size < secrets.length) {
    throw refusal('the same key stands in it twice; every purpose needs a key of its own')
  }
  return {
    vault: {
      current: file.vault.current,
      keys: new Map(
        Object.entries(file.vault.keys).map(([kid, key]) => [kid, Buffer.from(key, 'base64url')])
      )
    },
    cookies: file.cookies,
    signing: file.signing
  }
}

/** Fresh keys for every purpose. */
export function createKeyring(): Keyring {
  const current = newKid()
  return {
    vault: { current, keys: new Map([[current, randomBytes(KEY_BYTES)]]) },
    cookies: [newSecret()],
    signing: [newSigningKey()]
  }
}

/** Adds a newest key for every purpose; what the older ones sealed or signed stays valid. */
export function rotateKeyring(keyring: Keyring): Keyring {
  const fresh = createKeyring()
  return {
    vault: {
      current: fresh.vault.current,
      keys: new Map([...fresh.vault.keys, ...keyring.vault.keys])
    },
    cookies: [...fresh.cookies, ...keyring.cookies],
    signing: [...fresh.signing, ...keyring.signing]
  }
}

/** Writes a new file that only its owner can read (0400). Throws when `path` exists. */
export function writeKeyring(path: string, keyring: Keyring): void {
  const file: KeyringFile = {
    vault: {
      current: keyring.vault.current,
      keys: Object.fromEntries(
        [...keyring.vault.keys].map(([kid, key]) => [kid, Buffer.from(key).toString('base64url')])
      )
    },
    cookies: [...keyring.cookies],
    signing: [...keyring.signing]
  }
  writeFileSync(path, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o400, flag: 'wx' })
}

function readPrivateJson(path: string, warn: (sentence: string) => void): unknown {
  try {
    const { mode } = statSync(path)
    if ((mode & 0o027) !== 0) throw refusal('other users can open it; run chmod 0400 on it')
    // As Swarm and Kubernetes mount secrets for a user that is not root.
    if ((mode & 0o050) !== 0)
      warn(
        'SECRETS_FILE: its group can read it; run chmod 0400 on it, or see to it that nobody else is in that group.'
      )
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw cause instanceof GatewayError ? cause : refusal(reasonFor(cause), cause)
  }
}

function reasonFor(cause: unknown): string {
  if (cause instanceof SyntaxError) return 'it is not JSON; make one with npm run secrets'
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  return code === 'ENOENT'
    ? 'there is no such file; make one with npm run secrets'
    : 'it cannot be read by this user'
}

const refusal = (reason: string, cause?: unknown) =>
  new GatewayError('ERR_CONFIG', `SECRETS_FILE: ${reason}.`, { cause })

const isStrong = (key: Buffer) =>
  key.length === KEY_BYTES && new Set(key).size >= LEAST_DISTINCT_BYTES

/** Two spellings of one key must not pass as two keys. */
const canonical = (key: string) => Buffer.from(key, 'base64url').toString('hex')

function isSigningKey(key: SigningKey): boolean {
  try {
    createPrivateKey({ key, format: 'jwk' })
    return isStrong(Buffer.from(key.d, 'base64url'))
  } catch {
    return false
  }
}

const newKid = () => `k-${randomBytes(6).toString('hex')}`
const newSecret = () => randomBytes(KEY_BYTES).toString('base64url')

function newSigningKey(): SigningKey {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = privateKey.export({ format: 'jwk' })
  return SigningKey.parse({ ...jwk, alg: 'ES256', use: 'sig', kid: newKid() })
}
