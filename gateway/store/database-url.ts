import { GatewayError } from '#shared/errors.ts'

/** The file that DATABASE_URL names: `sqlite:<path>`. Throws ERR_CONFIG with a sentence. */
export function sqlitePath(databaseUrl: string): string {
  if (databaseUrl === ':memory:') return databaseUrl
  const [scheme = '', path = ''] = split(databaseUrl)
  if (scheme !== 'sqlite') {
    throw new GatewayError(
      'ERR_CONFIG',
      `DATABASE_URL: only sqlite:<path> is supported, not ${scheme ? `${scheme}:` : 'a bare path'}.`
    )
  }
  if (path === '') throw new GatewayError('ERR_CONFIG', 'DATABASE_URL: sqlite: needs a path.')
  return path
}

function split(databaseUrl: string): [string, string] {
  const colon = databaseUrl.indexOf(':')
  return colon < 0 ? ['', databaseUrl] : [databaseUrl.slice(0, colon), databaseUrl.slice(colon + 1)]
}
