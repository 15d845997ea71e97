/**
 * `npm run restore -- <backup>`: checks a backup and puts it where DATABASE_URL is to be, if nothing is there.
 * `--without-keys` restores although SECRETS_FILE does not open its grants: those people sign in again.
 */
import { readStoreSettings } from '../gateway/config/setting-files.ts'
import { asJson, databaseFile, exitCodeOf, inWords } from './backup/report.ts'
import { restore } from './backup/restore.ts'
import { readCommandLine, refuseCommandLine } from './command-line.ts'

const usage = 'npm run restore -- <backup> [--without-keys] [--json]\n'
const { values, positionals } = readCommandLine({
  usage,
  most: 1,
  options: {
    json: { type: 'boolean', default: false },
    'without-keys': { type: 'boolean', default: false }
  }
})
const [from] = positionals

if (from === undefined) refuseCommandLine('Name the backup.', usage)

try {
  const { DATABASE_URL, SECRETS_FILE } = readStoreSettings(process.env)
  const to = databaseFile(DATABASE_URL)
  const withoutKeys = values['without-keys']
  const copy = await restore(from, to, SECRETS_FILE, { withoutKeys })
  process.stdout.write(values.json ? asJson(copy) : inWords(copy))
} catch (error) {
  process.exitCode = exitCodeOf(error)
}
