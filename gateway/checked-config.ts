import { GatewayError } from '#shared/errors.ts'
import { loadKeyring } from './accounts/keyring.ts'
import { loadOperators } from './admin/operators.ts'
import { type Config, readConfig, wrongSettings } from './config.ts'
import { readDatabaseUrl } from './store/database-url.ts'
import { parseUidRange } from './supervisor/uid-slots.ts'

/**
 * `readConfig`, and a look into every file that a setting names. Throws one ERR_CONFIG with everything that is
 * wrong, so that nobody has to start again and again to hear of it all.
 */
export function checkedConfig(
  warn: (sentence: string) => void = () => {},
  environment?: Parameters<typeof readConfig>[0]
): Config {
  const config = readConfig(environment, warn)
  const mistakes = [
    () => loadKeyring(config.SECRETS_FILE, warn),
    () => loadOperators(config),
    () => readDatabaseUrl(config.DATABASE_URL),
    () => config.WORKER_UIDS !== undefined && parseUidRange(config.WORKER_UIDS)
  ].flatMap(mistakeIn)
  if (mistakes.length > 0) throw wrongSettings(mistakes)
  return config
}

function mistakeIn(check: () => unknown): string[] {
  try {
    check()
    return []
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'ERR_CONFIG') return [error.message]
    throw error
  }
}
