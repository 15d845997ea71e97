import type { Test } from 'tap'
import { until } from '../../helpers/mcp-http.ts'
import { type PostgresServer, startPostgres } from '../../helpers/postgres.ts'
import type { NetworkHost } from './network.ts'

/** A primary and a standby that has every commit before it is acknowledged, each on a host of its own. */
export interface DatabasePair {
  /** Of the one database, on either host: which one is the primary is for the client to find out. */
  readonly url: string
  /** One statement of the superuser in that database, at the primary of the moment. */
  ask(sql: string): Promise<Record<string, unknown>[]>
  /**
   * The primary's machine dies; after `msToDecide` the standby takes over, alone at first. Resolves when the dead one's
   * host has a new standby that has every commit.
   */
  failOver(msToDecide: number): Promise<void>
}

const DATABASE = 'gateway'

export async function startDatabasePair(
  t: Pick<Test, 'teardown'>,
  hosts: readonly [NetworkHost, NetworkHost]
): Promise<DatabasePair> {
  let [at, otherAt] = hosts
  let primary = await startPostgres(t, { at })
  await primary.ask(`create database ${DATABASE}`)
  let standby = await follow(primary, otherAt)

  /** A standby whose answers the primary waits for from here on. */
  async function follow(leader: PostgresServer, place: NetworkHost): Promise<PostgresServer> {
    const follower = await startPostgres(t, { at: place, primary: leader })
    await leader.ask(`alter system set synchronous_standby_names = '*'`)
    await leader.ask('select pg_reload_conf()')
    await until(async () => {
      const states = await leader.ask('select sync_state from pg_stat_replication')
      return states.some(({ sync_state }) => sync_state === 'sync')
    })
    return follower
  }

  return {
    url: `postgres://app@${hosts.map(({ address }) => `${address}:5432`).join(',')}/${DATABASE}?sslmode=disable`,
    ask: (sql) => primary.ask(sql, DATABASE),
    async failOver(msToDecide) {
      const dead = primary
      await dead.kill()
      await new Promise((resolve) => setTimeout(resolve, msToDecide))
      // Its copy of the primary's settings has it wait for a standby, and there is none.
      await standby.ask('alter system reset synchronous_standby_names')
      await standby.ask('select pg_reload_conf()')
      await standby.ask('select pg_promote()')
      ;[at, otherAt] = [otherAt, at]
      primary = standby
      await dead.close()
      standby = await follow(primary, otherAt)
    }
  }
}
