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
export async function makeRoomForClient(db: Store['db'], now: number): Promise<void> {
  const unused = db
    .selectFrom('oauth')
    .where('model', '=', 'Client')
    .where('expires_at', '<=', now + CLIENT_LIFE.unused)
  const { count } = await unused
    .select((row) => row.fn.countAll<number | string>().as('count'))
    .executeTakeFirstOrThrow()
  const over = Number(count) + 1 - CLIENT_LIFE.mostUnused
  if (over <= 0) return
  const oldest = await unused
    .select('id')
    .where('created_at', '<=', now - CLIENT_LIFE.safe)
    .orderBy('created_at')
    .limit(over)
    .execute()
  if (oldest.length < over) throw new TooManyClients()
  for (const { id } of oldest)
    await db.deleteFrom('oauth').where('model', '=', 'Client').where('id', '=', id).execute()
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
class TooManyClients extends errors.OIDCProviderError {
  override readonly error_description = 'too many clients have registered here; try again later'
  constructor() {
    super(503, 'temporarily_unavailable')
    this.expose = true // the others are not to see a failure of ours
  }
}
