import { GatewayError } from '#shared/errors.ts'
import { loadKeyring } from '../accounts/keyring.ts'
import { loadOperators } from '../admin/operators.ts'
import { type Config, readConfig } from '../config/config.ts'
import { peerKeysOf } from '../config/peer-tls.ts'
import { parseUidRange } from '../launcher/uid-pool.ts'
import { readDatabaseUrl } from '../store/database-url.ts'

/**
 * `readConfig`, and a look into every file that a setting names. Throws one ERR_CONFIG with everything that is
 * wrong, so that nobody has to start again and again to hear of it all.
 */
export function checkedConfig(
  warn: (sentence: string) => void = () => {},
  environment?: Parameters<typeof readConfig>[0]
): Config {
  return readConfig(environment, warn, (given) =>
    [
      () => given.SECRETS_FILE !== undefined && loadKeyring(given.SECRETS_FILE, warn),
      () => loadOperators({ OPERATORS_FILE: given.OPERATORS_FILE }),
      () => given.DATABASE_URL !== undefined && readDatabaseUrl(given.DATABASE_URL),
      () => peerKeysOf(given),
      () => isRange(given.WORKER_UIDS) && parseUidRange(given.WORKER_UIDS)
    ].flatMap(mistakeIn)
  )
}

/** Another form is told as such already. */
const isRange = (text: string | undefined): text is string => /^\d+-\d+$/.test(text ?? '')

function mistakeIn(check: () => unknown): string[] {
  try {
    check()
    return []
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'ERR_CONFIG') return [error.message]
    throw error
  }
}
