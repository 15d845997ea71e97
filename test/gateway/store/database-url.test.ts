import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { GatewayError } from '#shared/errors.ts'
import { readDatabaseUrl } from '../../../gateway/store/database-url.ts'

// The form of the URL is libpq's (PostgreSQL, "Connection URIs" and "SSL Support").

const SECRET = 'p@ss:w/rd'
const encoded = encodeURIComponent(SECRET)

t.test('a database of PostgreSQL is read from its URL', async (t) => {
  const found = readDatabaseUrl(
    `postgres://ann:${encoded}@127.0.0.1:6432/gateway?application_name=x`
  )
  t.same(found, {
    engine: 'postgres',
    hosts: [{ host: '127.0.0.1', port: 6432 }],
    user: 'ann',
    password: SECRET,
    database: 'gateway',
    applicationName: 'x',
    ssl: false
  })
  t.match(readDatabaseUrl('postgresql://[::1]/gateway'), { hosts: [{ host: '::1' }], ssl: false })
  const socket = readDatabaseUrl('postgres:///gateway?host=/var/run/postgresql')
  t.match(socket, { hosts: [{ host: '/var/run/postgresql' }], database: 'gateway', ssl: false })
})

t.test('it may have several hosts, each with its port', async (t) => {
  const url = `postgres://ann:${encoded}@db1.example.com:5433,db2.example.com/gateway?target_session_attrs=read-write`
  t.match(readDatabaseUrl(url), {
    hosts: [
      { host: 'db1.example.com', port: 5433 },
      { host: 'db2.example.com', port: undefined }
    ],
    password: SECRET,
    ssl: {}
  })
})

t.test('another machine must prove who it is, unless the URL says otherwise', async (t) => {
  const ca = join(t.testdir(), 'ca.pem')
  writeFileSync(ca, 'certificate')
  const ssl = (query: string) => {
    const found = readDatabaseUrl(`postgres://ann@db.example.com/gateway${query}`)
    return found.engine === 'postgres' && found.ssl
  }
  t.same(ssl(''), {}, 'as verify-full has it: everything is checked')
  t.same(ssl('?sslmode=verify-full'), {})
  t.same(ssl(`?sslrootcert=${ca}`), { ca: 'certificate' })
  t.match(ssl(`?sslmode=verify-full&sslrootcert=${ca}`), {
    ca: 'certificate',
    checkServerIdentity: undefined
  })
  t.match(ssl(`?sslmode=verify-ca&sslrootcert=${ca}`), { checkServerIdentity: Function })
  t.same(ssl('?sslmode=require'), { rejectUnauthorized: false })
  t.equal(ssl('?sslmode=disable'), false)
})

t.test('what is wrong with it is said in words, without what is secret', async (t) => {
  const wrong: [string, RegExp][] = [
    [`postgres://ann:${encoded}@db/x?sslmode=prefer`, /sslmode must be one of/],
    [`postgres://ann:${encoded}@db/x?sslmode=verify-ca`, /needs sslrootcert/],
    [`postgres://ann:${encoded}@db/x?sslrootcert=/no/such`, /cannot be read \(ENOENT\)/],
    [`postgres://ann:${encoded}@db/x?tcp_user_timeout=3`, /nobody reads.*tcp_user_timeout/],
    [`postgres://ann:${encoded}@db/x?target_session_attrs=any`, /can only be read-write/],
    [`postgres://ann:${encoded}@db:99999/x`, /no URL|its port/],
    [`postgres://ann:${encoded}@db:x/x`, /no URL|its port/],
    [`postgres:ann:${encoded}@db/x`, /must look like postgres:/],
    [`mysql://ann:${encoded}@db/x`, /not mysql:/]
  ]
  for (const [url, message] of wrong) {
    try {
      readDatabaseUrl(url)
      t.fail(url)
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      t.equal(error.code, 'ERR_CONFIG', url)
      t.match(error.message, message, url)
      t.notMatch(error.message, /ss:w|p%40ss/, url)
      t.equal(error.cause, undefined, url)
    }
  }
})
