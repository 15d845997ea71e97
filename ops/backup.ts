/**
 * `npm run backup -- <file or directory>`: all that DATABASE_URL holds as one checked file, also while gateways run.
 * Ends with 0; with 1 when the copy is whole but SECRETS_FILE does not open what is in it; 78 and 69 as the gateway does.
 */
import { readStoreSettings } from '../gateway/config/setting-files.ts'
import { backUp } from './backup/backup.ts'
import { asJson, databaseFile, exitCodeOf, inWords } from './backup/report.ts'
import { readCommandLine } from './command-line.ts'

const { values, positionals } = readCommandLine({
  usage: 'npm run backup -- [file or directory] [--json]\n',
  most: 1,
  options: { json: { type: 'boolean', default: false } }
})
const [to = 'backups/'] = positionals

try {
  const { DATABASE_URL, SECRETS_FILE } = readStoreSettings(process.env)
  const copy = await backUp(databaseFile(DATABASE_URL), to, SECRETS_FILE, Date.now())
  process.stdout.write(values.json ? asJson(copy) : inWords(copy))
  if (copy.keys.state === 'checked' && copy.keys.lost > 0) process.exitCode = 1
} catch (error) {
  process.exitCode = exitCodeOf(error)
}
