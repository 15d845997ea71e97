/**
 * `npm run migrate-store -- sqlite:<path>`: copies all that a SQLite file holds into the PostgreSQL database that
 * DATABASE_URL names, and compares every row. May be started again after an interruption. Every gateway must be stopped.
 * Ends with 0; 78 and 69 as the gateway does.
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { GatewayError } from '#shared/errors.ts'
import { readDatabaseUrl } from '../gateway/store/database-url.ts'
import { moveStore } from '../gateway/store/move-store.ts'
import { openStore } from '../gateway/store/store.ts'
import { exitCodeOf } from './backup/report.ts'
import { whoHasOpen } from './backup/who-has-open.ts'

const {
  positionals: [from = 'sqlite:data/gateway.sqlite']
} = parseArgs({ allowPositionals: true })

try {
  const moved = await move(from, process.env.DATABASE_URL ?? '')
  const lines = moved.map(
    ({ name, rows, copied }) => `${name}: ${rows} rows, ${copied} of them copied now`
  )
  const end = 'Every row was compared. Start the gateways with the new DATABASE_URL; keep the file.'
  process.stdout.write(`${[...lines, end].join('\n')}\n`)
} catch (error) {
  process.exitCode = exitCodeOf(error)
}

async function move(fromUrl: string, toUrl: string) {
  const source = readDatabaseUrl(fromUrl)
  if (source.engine !== 'sqlite' || source.path === ':memory:')
    throw new GatewayError('ERR_CONFIG', 'Name the file to copy from: sqlite:<path>.')
  if (!/^postgres(ql)?:/.test(toUrl))
    throw new GatewayError('ERR_CONFIG', 'DATABASE_URL must name the PostgreSQL database to fill.')
  const [program] = whoHasOpen(resolve(source.path))
  if (program !== undefined)
    throw new GatewayError(
      'ERR_UNAVAILABLE',
      `A running program (pid ${program}) has the file open. Stop the gateway first.`
    )
  if (!existsSync(source.path))
    throw new GatewayError('ERR_CONFIG', `There is no file ${source.path}.`)
  const to = await openStore(toUrl)
  const from = await openStore(fromUrl)
  try {
    return await moveStore(from, to)
  } finally {
    await from.close()
    await to.close()
  }
}
