import type { LoggedRequest } from '../../../ops/sandbox/request-log.ts'
import type { Sandbox } from '../../../ops/sandbox/sandbox.ts'
import type { DatabasePair } from './database-pair.ts'

/** A lease that was taken: when, by the database's clock, and by whom. */
interface Take {
  readonly at: number
  readonly host: string
}

/** A request may wait for so long for the stand-in to look: both are in one busy process. */
const LAG_MS = 1000

/**
 * Notes in the database, beside what the gateways know, who took whose lease when. Both this process and PostgreSQL have
 * the machine's own clock, whatever the gateways are told.
 */
export const noteTakes = (database: DatabasePair) =>
  database.ask(`
    create table takes (at bigint not null, user_id text not null, node text not null);
    create table hosts (node text primary key, host text not null);
    create function note_take() returns trigger language plpgsql as $$ begin
      insert into takes values (extract(epoch from clock_timestamp()) * 1000, new.user_id, new.node);
      return new;
    end $$;
    create function note_host() returns trigger language plpgsql as $$ begin
      insert into hosts values (new.id, new.peer_url) on conflict do nothing;
      return new;
    end $$;
    create trigger first_take after insert on owners for each row execute function note_take();
    create trigger next_take after update on owners for each row
      when (old.epoch <> new.epoch) execute function note_take();
    create trigger host after insert or update on nodes for each row
      when (new.peer_url is not null) execute function note_host()`)

/**
 * What the stand-in saw of tokens in use: requests of each person and the host that each came from. `hostOf` names the
 * host of a `PEER_URL`, and that of an address that a request is from.
 */
export class TokenWatch {
  readonly #sandbox: Sandbox
  readonly #seen: LoggedRequest[] = []

  constructor(sandbox: Sandbox) {
    this.#sandbox = sandbox
  }

  /** Takes over what the stand-in has noted, which keeps no more than its last 200,000 requests. */
  collect(): void {
    for (const request of this.#sandbox.requests.list())
      if (request.path.startsWith('/gmail/') && request.user !== undefined) this.#seen.push(request)
    this.#sandbox.requests.clear()
  }

  /** How many requests it has of all. */
  get count(): number {
    return this.#seen.length
  }

  /**
   * Requests of one host for somebody whom another one had taken over before: there were two workers with a live
   * token. Each is a line.
   */
  async secondWorkers(
    database: DatabasePair,
    hostOfRequest: (from: string) => string,
    hostOfPeer: (peerUrl: string) => string
  ): Promise<string[]> {
    this.collect()
    const takes = Map.groupBy(
      await database.ask(
        'select at, user_id, host from takes left join hosts using (node) order by at'
      ),
      ({ user_id }) => String(user_id)
    )
    const emailOf = new Map(this.#sandbox.users.map(({ sub, email }) => [email, sub]))
    return this.#seen.flatMap(({ cameAt, from, user = '', method }) => {
      const history = (takes.get(emailOf.get(user) ?? '') ?? []).map(
        ({ at, host }): Take => ({ at: Number(at), host: hostOfPeer(String(host)) })
      )
      const host = hostOfRequest(from)
      return mayCall(history, host, cameAt)
        ? []
        : [
            `${method} of ${user} by ${host} at ${cameAt}; taken: ${JSON.stringify(history.slice(-6))}`
          ]
    })
  }
}

/** Whether the last one who took the lease is this host, or was until a moment ago. */
export function mayCall(history: readonly Take[], host: string, at: number): boolean {
  const before = history.filter((take) => take.at <= at)
  const known = before.filter((take) => take.at > at - LAG_MS)
  const last = before.findLast((take) => take.at <= at - LAG_MS)
  return [last, ...known].some((take) => take?.host === host)
}
