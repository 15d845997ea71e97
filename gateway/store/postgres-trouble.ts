import { isStoreError, type StoreTrouble, storeError, type TroubleKind } from './store-trouble.ts'

/** What an operator is told: what happened, what goes on, what to do. */
const SENTENCES: Partial<Record<TroubleKind, string>> = {
  away: 'The database cannot be reached: nothing can be stored, and soon nobody can be served. Start it, or look at the network; the gateway goes on by itself.',
  refused:
    'The database refuses this gateway: its user, password, rights, name or number of connections. Look at the code, then at pg_hba.conf and at DATABASE_URL.',
  full: 'The disk of the database is full: nothing can be stored. Free some space; the gateway goes on by itself.',
  locked:
    'A statement took too long, or waited for a lock of another one. Look at pg_stat_activity of the database.',
  read_only:
    'The database may only be read: it is a standby, or was made read-only. Promote it, or name the primary in DATABASE_URL.',
  corrupt: 'The database is damaged. Stop the gateway and restore a backup.',
  failing: 'The disk of the database fails. Look at the log of its machine.'
}

/** SQLSTATE (PostgreSQL, appendix A), longest match first; what is not here is no trouble of the store. */
const KINDS: readonly (readonly [string, TroubleKind])[] = [
  ['57014', 'locked'], // query_canceled: statement_timeout
  ['55P03', 'locked'], // lock_not_available: lock_timeout
  ['57P', 'away'], // admin_shutdown, crash_shutdown, cannot_connect_now, …
  ['25P03', 'away'], // idle_in_transaction_session_timeout
  ['25P04', 'away'], // transaction_timeout
  ['25006', 'read_only'],
  ['55000', 'read_only'], // "recovery is in progress", of functions that a standby has not
  ['53100', 'full'],
  ['53', 'refused'], // too_many_connections, out_of_memory
  ['08', 'away'],
  ['28', 'refused'],
  ['3D000', 'refused'],
  ['42501', 'refused'],
  ['58', 'failing'],
  ['XX001', 'corrupt'],
  ['XX002', 'corrupt']
]

/** Errors of sockets and names. */
const OF_NETWORK =
  /^(ECONN\w+|ETIMEDOUT|EPIPE|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|EHOSTDOWN|ENOENT|EACCES)$/

/** What pg 8 says without any code when a connection ends, does not come, or is silent. */
const SAID =
  /Connection terminated|Query read timeout|timeout expired|timeout exceeded when trying to connect|is not queryable/
/** Of these, the ones that say that the statement has not left this process. */
const NOT_SENT = /is not queryable/
/** Node's codes for a peer that does not prove who it is (https://nodejs.org/api/tls.html). */
const OF_TLS = /CERT|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH|ERR_TLS|ERR_SSL/
/** Statements that the server took back before it said so. */
const TAKEN_BACK = /^(40001|40P01|25006|55P03)$/

/** What an error of pg, Node or ours says of the store; undefined for a statement that is wrong by itself. */
export function postgresTroubleIn(error: unknown): StoreTrouble | undefined {
  const code = codeOf(error)
  const kind = code === undefined ? kindSaid(error) : kindOf(code)
  return kind && postgresTrouble(kind, code)
}

export const postgresTrouble = (kind: TroubleKind, code?: string): StoreTrouble => ({
  kind,
  code,
  sentence: SENTENCES[kind] ?? 'The database fails.'
})

/** Whether the connection is of no use any more. */
export const isConnectionLost = (error: unknown): boolean =>
  postgresTroubleIn(error)?.kind === 'away'

/** Whether a statement that failed so has certainly changed nothing. */
export const isUnapplied = (error: unknown): boolean =>
  TAKEN_BACK.test(codeOf(error) ?? '') || NOT_SENT.test(messageOf(error))

/** Whether a transaction met another one: the same work may pass at the next try. */
export const isConflict = (error: unknown): boolean => /^40(001|P01)$/.test(codeOf(error) ?? '')

/**
 * What only the settings can mend, and a start should say; undefined for the rest. `trouble` is what was heard before:
 * after an error in a transaction all further ones say only that there was one.
 */
export function sentenceOfStart(
  error: unknown,
  trouble: StoreTrouble | undefined
): string | undefined {
  const said = codeOf(error) ?? ''
  const code = said === '25P02' || said === '' ? String(trouble?.code ?? '') : said
  if (isPasswordWanting(error))
    return 'its server wants a password; give it in the URL, in PGPASSWORD, or in the file that PGPASSFILE names.'
  if (isWithoutTls(error))
    return 'its server does not speak TLS; switch that on there, or say sslmode=disable where the network itself can be trusted.'
  if (OF_TLS.test(code))
    return `its server does not prove who it is (${code}); name the certificate of your authority in sslrootcert, and the host as its certificate has it.`
  return START_SENTENCES.find(([start]) => code.startsWith(start))?.[1]
}

const START_SENTENCES: readonly (readonly [string, string])[] = [
  ['28', 'its server does not let this user in; look at the user, the password, and pg_hba.conf.'],
  ['3D000', 'there is no database of this name; make it, with this user as its owner.'],
  [
    '42501',
    'its user may not make tables there; make it the owner of the database, or grant it `create` on the schema public.'
  ]
]

/** As the rest of the gateway hears of it. */
export function postgresError(error: unknown): Error {
  if (isStoreError(error)) return asError(error)
  const trouble = postgresTroubleIn(error)
  const told = withoutValues(error)
  return trouble ? storeError(trouble, told) : told
}

/** Classes of SQLSTATE whose messages name tables and settings, but no values of rows. */
const OF_NO_ROW = /^(08|25|28|3D|40|42|53|55|57|58|XX)/

/** What a log may hold: `detail`, and the message of a value or a constraint, quote rows, which are of people. */
function withoutValues(error: unknown): Error {
  const code = codeOf(error)
  if (code === undefined || !isSqlState(code)) return asError(error)
  const message = OF_NO_ROW.test(code) ? messageOf(error) : 'PostgreSQL refused a statement'
  return Object.assign(new Error(`${message} (SQLSTATE ${code})`), { code })
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error('failed'))

function kindOf(code: string): TroubleKind | undefined {
  if (OF_NETWORK.test(code)) return 'away'
  if (OF_TLS.test(code)) return 'refused'
  return isSqlState(code) ? KINDS.find(([start]) => code.startsWith(start))?.[1] : undefined
}

const kindSaid = (error: unknown): TroubleKind | undefined => {
  if (isWithoutTls(error) || isPasswordWanting(error)) return 'refused'
  return SAID.test(messageOf(error)) ? 'away' : undefined
}

/** pg's own words for a server that asks for a password where none is to be had. */
const isPasswordWanting = (error: unknown): boolean => messageOf(error).startsWith('SASL:')

/** pg's own words, without a code, for a server that answers the wish for TLS with no. */
const isWithoutTls = (error: unknown): boolean =>
  messageOf(error).startsWith('The server does not support SSL')

const isSqlState = (code: string): boolean => /^[0-9A-Z]{5}$/.test(code)

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : '')

/** Of several addresses of one name, Node tells of all at once and gives the code of the first. */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
