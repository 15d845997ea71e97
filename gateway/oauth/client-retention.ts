import { errors } from 'oidc-provider'
import type { Store } from '../store/store.ts'

/** How long what clients register is kept, and how much of it. */
export const CLIENT_LIFE = {
  /** Ms after its registration, for a client that nobody has let in. */
  unused: 7 * 24 * 3600_000,
  /** Ms after its last use: its person may come back, and it knows no other id than this one. */
  used: 365 * 24 * 3600_000,
  /** Of those that nobody has let in, however many addresses they come from. */
  mostUnused: 5000,
  /** Ms for which a new one cannot be pushed out by others: somebody may be reading its consent page. */
  safe: 1800_000
} as const

const A_DAY = 24 * 3600_000

/** A person let this client in, or it has come back: its registration stays for as long as it might be wanted. */
export async function noteClientUse(db: Store['db'], clientId: string, now: number): Promise<void> {
  const end = now + CLIENT_LIFE.used
  await db
    .updateTable('oauth')
    .set({ expires_at: end })
    .where('model', '=', 'Client')
    .where('id', '=', clientId)
    .where((row) => row.or([row('expires_at', 'is', null), row('expires_at', '<', end - A_DAY)]))
    .execute()
}

/**
 * Registration is open to strangers, so what nobody uses is bounded in all: the oldest go first, but not those that
 * have just come. Throws the provider's error when there is no room then.
 */
export const makeRoomForClient = (db: Store['db'], now: number): Promise<void> =>
  makeRoom(db, now, {
    model: 'Client',
    endsUntil: now + CLIENT_LIFE.unused,
    most: CLIENT_LIFE.mostUnused,
    safe: CLIENT_LIFE.safe,
    full: () => new TooMany('too many clients have registered here; try again later')
  })

/** An authorization request is kept until it is decided, and anybody may send one: bounded in all, as clients are. */
export const makeRoomForRequest = (db: Store['db'], now: number): Promise<void> =>
  makeRoom(db, now, {
    model: 'Interaction',
    endsUntil: Number.MAX_SAFE_INTEGER,
    ...REQUEST_LIFE,
    full: () => new TooMany('too many people sign in here now; try again later')
  })

/** How many undecided authorization requests are kept, and for how many ms each is safe from others. */
export const REQUEST_LIFE = { most: 5000, safe: 600_000 } as const

interface Bound {
  readonly model: string
  /** Only rows count that end by then. */
  readonly endsUntil: number
  readonly most: number
  readonly safe: number
  readonly full: () => Error
}

async function makeRoom(db: Store['db'], now: number, bound: Bound): Promise<void> {
  const rows = db
    .selectFrom('oauth')
    .where('model', '=', bound.model)
    .where('expires_at', '<=', bound.endsUntil)
  const { count } = await rows
    .select((row) => row.fn.countAll<number | string>().as('count'))
    .executeTakeFirstOrThrow()
  const over = Number(count) + 1 - bound.most
  if (over <= 0) return
  const oldest = await rows
    .select('id')
    .where('created_at', '<=', now - bound.safe)
    .orderBy('created_at')
    .limit(over)
    .execute()
  if (oldest.length < over) throw bound.full()
  for (const { id } of oldest)
    await db.deleteFrom('oauth').where('model', '=', bound.model).where('id', '=', id).execute()
}

/** Clients that an older version registered have no end yet. They get one as if they had been used today. */
export async function dateClients(db: Store['db'], now: number): Promise<void> {
  await db
    .updateTable('oauth')
    .set({ expires_at: now + CLIENT_LIFE.used })
    .where('model', '=', 'Client')
    .where('expires_at', 'is', null)
    .execute()
}

/** RFC 7591 has no error for it; this one is RFC 6749's (§4.1.2.1). */
class TooMany extends errors.OIDCProviderError {
  override readonly error_description: string
  constructor(description: string) {
    super(503, 'temporarily_unavailable')
    this.error_description = description
    this.expose = true // the others are not to see a failure of ours
  }
}
