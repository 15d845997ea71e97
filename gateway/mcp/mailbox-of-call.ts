import type { FastifyRequest } from 'fastify'
import { asSessionId } from '#shared/ids.ts'
import { sessionHash } from '#shared/session-hash.ts'
import { SIGN_IN_TOOL_NAMES } from '#shared/tool-names.ts'
import {
  type Caller,
  inMailbox,
  personOf,
  type SeveralMailboxes
} from '../accounts/bearer-tokens.ts'
import { peekAt } from '../http/json-rpc-id.ts'
import { isModern } from '../http/protocol-era.ts'
import type { Exchanges } from '../relay/exchange.ts'

/** How a request of MCP 2026-07-28 repeats the argument `account` (SEP-2243, "Custom Headers from Tool Parameters"). */
const ACCOUNT_HEADER = 'mcp-param-account'

/** These are about the session, whichever mailbox it has. */
const OF_THE_SESSION: ReadonlySet<string | undefined> = new Set(SIGN_IN_TOOL_NAMES)

/**
 * Makes the caller of a connection with several mailboxes the one of that mailbox which the call names; the first when it
 * names none, or none of them. The worker that gets the call compares what it names with its own address, so that a call
 * that is led to the wrong one does nothing there. Others are not looked at. Rejects as `peekBody`.
 */
export async function chooseMailbox(
  request: FastifyRequest,
  exchanges: Pick<Exchanges, 'all'>
): Promise<void> {
  const { caller } = request
  if (!caller?.several) return
  const wanted = await mailboxOf(request, caller, caller.several, exchanges)
  request.caller = inMailbox(caller, wanted)
}

async function mailboxOf(
  request: FastifyRequest,
  caller: Caller,
  several: SeveralMailboxes,
  exchanges: Pick<Exchanges, 'all'>
) {
  const [first] = several
  if (request.method !== 'POST') return first
  const { asked, account: said, cancelled } = await peekAt(request)
  if (cancelled !== undefined) {
    const named = request.headers['mcp-session-id']
    if (isModern(request.headers) || typeof named !== 'string') return first
    // The same id in another session, or another person's, is another call.
    const hash = sessionHash(asSessionId(named))
    const running = exchanges
      .all()
      .find(
        ({ session, caller: other, calls }) =>
          session?.hash === hash &&
          personOf(other) === personOf(caller) &&
          calls.some(({ rpcId }) => rpcId === cancelled)
      )
    return several.find(({ userId }) => userId === running?.caller.userId) ?? first
  }
  if (asked !== undefined && (asked.method !== 'tools/call' || OF_THE_SESSION.has(asked.tool)))
    return first
  const account = said ?? accountIn(request.headers[ACCOUNT_HEADER])
  return several.find(({ email }) => email.toLowerCase() === account?.toLowerCase()) ?? first
}

const accountIn = (header: string | string[] | undefined): string | undefined =>
  typeof header === 'string' ? header : undefined
