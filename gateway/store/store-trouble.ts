import { GatewayError } from '#shared/errors.ts'

/** What can be wrong with the database while the gateway runs. */
export const TROUBLES = [
  'full',
  'locked',
  'read_only',
  'deleted',
  'corrupt',
  'failing',
  'away',
  'refused'
] as const
export type TroubleKind = (typeof TROUBLES)[number]

/** What is wrong, and since when. */
export interface StoreTrouble {
  readonly kind: TroubleKind
  /**
   * SQLite's extended result code (https://www.sqlite.org/rescode.html), or PostgreSQL's SQLSTATE, or Node's code of a
   * connection; undefined when there is none.
   */
  readonly code: number | string | undefined
  /** What an operator is told: what happened, what goes on, what to do. No path. */
  readonly sentence: string
}

/** Of a SQLite file. */
const SENTENCES: Record<SqliteTrouble, string> = {
  full: 'The disk of the database is full: nothing can be stored. Free some space; the gateway goes on by itself.',
  locked:
    'Another program holds the lock of the database: nothing can be stored. End that program, or its transaction; the gateway goes on by itself.',
  read_only:
    'The database may not be written: its file, directory or file system is read-only. Make it writable for the user of the gateway.',
  deleted:
    'The file of the database is gone, or another one is in its place: what is stored now is lost at the end of the process. Stop the gateway and put the file back, or restore a backup.',
  corrupt: 'The database is damaged. Stop the gateway and restore a backup.',
  failing:
    'The disk of the database fails: SQLite cannot read or write it. Look at the log of the machine.'
}

/** A file is never away. */
type SqliteTrouble = Exclude<TroubleKind, 'away' | 'refused'>

/** Primary result codes; the rest of SQLite's say that a statement is wrong, which is no trouble of the store. */
const KINDS = new Map<number, SqliteTrouble>([
  [3, 'read_only'], // SQLITE_PERM
  [5, 'locked'], // SQLITE_BUSY
  [6, 'locked'], // SQLITE_LOCKED
  [8, 'read_only'], // SQLITE_READONLY
  [10, 'failing'], // SQLITE_IOERR
  [11, 'corrupt'], // SQLITE_CORRUPT
  [13, 'full'], // SQLITE_FULL
  [14, 'failing'], // SQLITE_CANTOPEN
  [26, 'corrupt'] // SQLITE_NOTADB
])
const NOT_A_DATABASE = 26
const READONLY_DBMOVED = 1032
/** The index file beside the log could not grow: there is no other reason than a full disk or quota. */
const IOERR_SHMSIZE = 4874

/** What an error of SQLite says of the store; undefined for every other error. */
export function troubleIn(error: unknown): StoreTrouble | undefined {
  const code = resultCodeOf(error)
  if (code === undefined) return undefined
  if (code === READONLY_DBMOVED) return troubleOf('deleted', code)
  if (code === IOERR_SHMSIZE) return troubleOf('full', code)
  const kind = KINDS.get(code & 0xff)
  return kind && troubleOf(kind, code)
}

export const troubleOf = (kind: SqliteTrouble, code?: StoreTrouble['code']): StoreTrouble => ({
  kind,
  code,
  sentence: SENTENCES[kind]
})

/** Whether another connection is in the way, so that the same statement may work in a moment. */
export function isBusy(error: unknown): boolean {
  const code = resultCodeOf(error)
  return code !== undefined && (code & 0xff) === 5
}

/** Whether an error is trouble of the store, which the store itself has told. */
export const isStoreError = (error: unknown): boolean =>
  error instanceof GatewayError && error.code === 'ERR_STORE'

/** Why a gateway cannot start with its database: what only an operator can change is a mistake of the settings. */
export function unusable({ kind, code, sentence }: StoreTrouble, cause: unknown): GatewayError {
  const says = code === NOT_A_DATABASE ? 'The file is not a SQLite database.' : sentence
  const isMistake = kind === 'corrupt' || (kind === 'refused' && code !== '53300')
  const error = isMistake ? 'ERR_CONFIG' : 'ERR_UNAVAILABLE'
  return new GatewayError(error, `DATABASE_URL: ${says}`, { cause })
}

/** As clients hear of it. */
export const storeError = ({ kind }: StoreTrouble, cause: unknown): GatewayError =>
  new GatewayError('ERR_STORE', `The gateway cannot store anything now (${WORDS[kind]}).`, {
    cause,
    retryAfter: 5
  })

const WORDS: Record<TroubleKind, string> = {
  full: 'its disk is full',
  locked: 'its database is locked',
  read_only: 'its database is read-only',
  deleted: 'its database is gone',
  corrupt: 'its database is damaged',
  failing: 'its disk fails',
  away: 'its database cannot be reached',
  refused: 'its database refuses it'
}

function resultCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined
  return typeof error.errcode === 'number' ? error.errcode : undefined
}
