/**
 * `npm run migrate-store -- sqlite:<path>`: copies all that a SQLite file holds into the PostgreSQL database that
 * DATABASE_URL (or DATABASE_URL_FILE) names, and compares every row. May be started again after an interruption. Every
 * gateway must be stopped, and none starts over the file afterwards; `--back` allows it again. Ends with 0; 78 and 69 as the gateway does.
 */
import { existsSync } from 'node:fs'
import { GatewayError } from '#shared/errors.ts'
import { DATABASE_URL_DEFAULT, readStoreSettings } from '../gateway/config/setting-files.ts'
import { readDatabaseUrl } from '../gateway/store/database-url.ts'
import { takeMark } from '../gateway/store/move-marks.ts'
import { moveStore } from '../gateway/store/move-store.ts'
import { openStore } from '../gateway/store/store.ts'
import { exitCodeOf } from './backup/report.ts'
import { whoHasOpen } from './backup/who-has-open.ts'
import { readCommandLine } from './command-line.ts'

const {
  values: { back },
  positionals: [from = DATABASE_URL_DEFAULT]
} = readCommandLine({
  usage: 'npm run migrate-store -- [--back] [sqlite:<path>]\n',
  most: 1,
  options: { back: { type: 'boolean', default: false } }
})

try {
  const lines = back ? await goBack(from) : await move(from)
  process.stdout.write(`${lines.join('\n')}\n`)
} catch (error) {
  process.exitCode = exitCodeOf(error)
}

async function move(fromUrl: string): Promise<string[]> {
  const { DATABASE_URL: toUrl } = readStoreSettings(process.env)
  if (!/^postgres(ql)?:/.test(toUrl))
    throw new GatewayError('ERR_CONFIG', 'DATABASE_URL must name the PostgreSQL database to fill.')
  refuseUnlessFree(fromUrl)
  const to = await openStore(toUrl, {}, { evenMoved: true })
  const from = await openStore(fromUrl, {}, { evenMoved: true })
  try {
    const moved = await moveStore(from, to)
    return [
      ...moved.map(
        ({ name, rows, copied }) => `${name}: ${rows} rows, ${copied} of them copied now`
      ),
      'Every row was compared. Start the gateways with the new DATABASE_URL; keep the file, over which none starts any more.'
    ]
  } finally {
    await from.close()
    await to.close()
  }
}

/** The file is as it was when it was moved; what came since is in the other database alone. */
async function goBack(fromUrl: string): Promise<string[]> {
  refuseUnlessFree(fromUrl)
  const store = await openStore(fromUrl, {}, { evenMoved: true })
  try {
    await takeMark(store.db, 'away')
    return [
      'A gateway may start over the file again. It knows nothing of what happened since it was moved.'
    ]
  } finally {
    await store.close()
  }
}

/** Throws for what is no file of the gateway, and for one that a program has open. */
function refuseUnlessFree(url: string): void {
  const source = readDatabaseUrl(url)
  if (source.engine !== 'sqlite' || source.path === ':memory:')
    throw new GatewayError('ERR_CONFIG', 'Name the file to copy from: sqlite:<path>.')
  const [program] = whoHasOpen(source.path)
  if (program !== undefined)
    throw new GatewayError(
      'ERR_UNAVAILABLE',
      `A running program (pid ${program}) has the file open. Stop the gateway first.`
    )
  if (!existsSync(source.path))
    throw new GatewayError('ERR_CONFIG', `There is no file ${source.path}.`)
}
