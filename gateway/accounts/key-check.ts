import { asUserId } from '#shared/ids.ts'
import type { Store } from '../store/store.ts'
import type { GoogleGrants } from './google-grants.ts'
import type { Keyring } from './keyring.ts'
import { createVault } from './vault.ts'

/** What can be wrong with the file of keys while the gateway runs. */
export const KEY_TROUBLES = ['unreadable', 'lost', 'some_lost'] as const

export interface KeyTrouble {
  /**
   * `unreadable`: the file is gone or not to be used; the keys in memory still work. `lost`: it is not the one that
   * the store was sealed with. `some_lost`: it is, but lacks keys of single grants.
   */
  readonly kind: (typeof KEY_TROUBLES)[number]
  /** What an operator is told. */
  readonly sentence: string
}

export interface KeyCheckParts {
  readonly store: Pick<Store, 'db'>
  readonly grants: Pick<GoogleGrants, 'countByKey'>
}

const CANARY = asUserId('key-check')
const WORD = 'canary'

/**
 * Whether the keys of a file open what is stored. The store holds a canary sealed under its newest key; it is
 * written where it is missing, and with `isRotated` sealed anew under the newest key of the file when all is well.
 * (Not at each look: two gateways of which one has the newer file would take turns.)
 */
export async function checkKeys(
  { store: { db }, grants }: KeyCheckParts,
  keyring: Pick<Keyring, 'vault'>,
  { isRotated }: { readonly isRotated: boolean }
): Promise<KeyTrouble | undefined> {
  const counts = await grants.countByKey()
  const total = sum(counts.values())
  const lost = sum([...counts].flatMap(([kid, n]) => (keyring.vault.keys.has(kid) ? [] : [n])))
  const canary = await db.selectFrom('key_check').selectAll().where('id', '=', 1).executeTakeFirst()
  const isOpened = canary === undefined || (await opens(keyring, canary.sealed))
  const isForeign = canary !== undefined && !keyring.vault.keys.has(canary.kid)
  // Nothing is stored that needs the key of the canary: there is nothing to lose.
  const isNeedless = isForeign && lost === 0
  if (!isOpened && !isNeedless) return lostAll(lost, total)
  if (canary === undefined && lost > 0 && lost === total) return lostAll(lost, total)
  const isOld = isRotated && canary?.kid !== keyring.vault.current
  if (canary === undefined || isOld || isNeedless) await renewCanary({ store: { db } }, keyring)
  return lost > 0 ? lostSome(lost, total) : undefined
}

/** Seals the canary under the newest key of `keyring`, whatever it was sealed with before. */
export async function renewCanary(
  { store: { db } }: Pick<KeyCheckParts, 'store'>,
  keyring: Pick<Keyring, 'vault'>
): Promise<void> {
  const row = await createVault(keyring).seal(CANARY, 'key-check', WORD)
  await db
    .insertInto('key_check')
    .values({ id: 1, ...row })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
    .execute()
}

const opens = (keyring: Pick<Keyring, 'vault'>, sealed: string): Promise<boolean> =>
  createVault(keyring)
    .open(CANARY, 'key-check', sealed)
    .then(
      (word) => word === WORD,
      () => false
    )

const sum = (numbers: Iterable<number>): number => [...numbers].reduce((a, b) => a + b, 0)

const FORGET = 'npm run secrets -- --forget-lost'

const lostAll = (lost: number, total: number): KeyTrouble => ({
  kind: 'lost',
  sentence: `ERR_VAULT: SECRETS_FILE is not the file that the stored Google grants were sealed with, or an older copy of it (${lost} of ${total} cannot be opened). Put the right one in its place; no restart is needed. Until then people are asked to sign in again. If it is lost for good: ${FORGET}.`
})

const lostSome = (lost: number, total: number): KeyTrouble => ({
  kind: 'some_lost',
  sentence: `ERR_VAULT: SECRETS_FILE lacks keys that ${lost} of ${total} stored Google grants are sealed with. Add them again; until then these people are asked to sign in again. If they are lost for good: ${FORGET}.`
})
