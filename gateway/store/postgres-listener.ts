import type { Notification, PoolClient } from 'pg'
import type { PostgresAddress } from './database-url.ts'
import { PostgresPool } from './postgres-pool.ts'

/** Of the question by which a connection is seen to be dead: one that only listens would notice nothing for hours. */
const QUERY_MS = 2000
const ALIVE_MS = 5000
const AGAIN_MS = 1000

/**
 * Listens to a channel of PostgreSQL on a connection of its own. Behind a pooler in transaction mode that says yes and
 * hears nothing, so whoever needs to know must also look by themselves. `heard` must not throw. Nothing is thrown here:
 * a connection that is lost is opened again. The returned function ends it.
 */
export function listenTo(
  address: PostgresAddress,
  channel: string,
  heard: () => void
): () => Promise<void> {
  const pool = new PostgresPool(address, { size: 1, queryMs: QUERY_MS })
  let isClosed = false
  let timer: NodeJS.Timeout | undefined
  let current: PoolClient | undefined

  const later = (ms: number, work: () => Promise<void>): void => {
    timer = setTimeout(() => void work(), ms)
    timer.unref()
  }

  const letGo = (client: PoolClient): void => {
    if (current !== client) return
    current = undefined
    client.release(true)
    if (!isClosed) later(AGAIN_MS, open)
  }

  const stillThere = async (client: PoolClient): Promise<void> => {
    if (current !== client) return
    try {
      await client.query('select 1')
      if (current === client && !isClosed) later(ALIVE_MS, () => stillThere(client))
    } catch {
      letGo(client)
    }
  }

  const open = async (): Promise<void> => {
    try {
      const client = await pool.connect()
      current = client
      client.once('error', () => letGo(client))
      client.once('end', () => letGo(client))
      client.on('notification', (notice: Notification) => {
        if (notice.channel === channel) heard()
      })
      await client.query(`listen "${channel}"`)
      heard() // what was said while nobody listened
      await stillThere(client)
    } catch {
      if (current) letGo(current)
      else if (!isClosed) later(AGAIN_MS, open)
    }
    if (isClosed && current) letGo(current)
  }

  void open()
  return async () => {
    isClosed = true
    clearTimeout(timer)
    if (current) letGo(current)
    await pool.end()
  }
}
