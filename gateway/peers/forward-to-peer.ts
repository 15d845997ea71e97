import type { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import type { UserId } from '#shared/ids.ts'
import type { Caller } from '../accounts/bearer-tokens.ts'
import { bodyTooLarge, byteLimit } from '../http/byte-limit.ts'
import { errorEvent, noteFailure, rpcErrorOf, sendRpcError } from '../http/json-rpc-error.ts'
import { peekAt } from '../http/json-rpc-id.ts'
import { onResponseClose } from '../http/on-response-close.ts'
import { isModern } from '../http/protocol-era.ts'
import { bodyOf } from '../mcp/forward-to-successor.ts'
import type { PeerForwarder } from '../mcp/mcp-routes.ts'
import { gatewayGone } from '../mcp/resume-call.ts'
import { isListen } from '../mcp/subscriptions-listen.ts'
import { headersToClient } from '../mcp/worker-headers.ts'
import type { BufferedBytes } from '../relay/buffered-bytes.ts'
import { type RelayParts, relayAnswer } from '../relay/relay-answer.ts'
import { ResponseWriter } from '../relay/response-writer.ts'
import { parseTraceparent } from '../telemetry/trace-context.ts'
import { ELSEWHERE_HEADER } from './forwarded-caller.ts'
import { type PeerConnections, PeerUnreachable } from './peer-connections.ts'
import { peerHeaders } from './peer-headers.ts'
import type { Peer, PeerRouting } from './peer-routing.ts'

/** What became of a request that was passed on; of the last two the other gateway has done nothing. */
export type Passed = 'answered' | 'lost' | 'elsewhere' | 'unreachable'

export interface PeerForwarderParts {
  readonly routes: Pick<
    PeerRouting,
    'whereFor' | 'anotherFor' | 'serves' | 'servesNot' | 'notReached'
  >
  readonly pools: PeerConnections
  readonly held: BufferedBytes
  readonly maxBody: number
  /** Gives the person up when the calls in flight are answered. Never rejects. */
  readonly letGo: (userId: UserId) => Promise<void>
  /** As CALL_TIMEOUT. */
  readonly callMs: number
  readonly clock: Clock
  readonly passed: (result: Passed) => void
}

/** So many gateways are tried for one request: the one that was thought to serve it, and the one that does. */
const MOST_TRIES = 3
/** Between two tries. */
const AGAIN_MS = 100
/** For the other gateway's own word that a call took too long. */
const SLACK_MS = 5000
const LEAVE_LOOK_MS = 50

export interface OpenPeerForwarder extends PeerForwarder {
  /** The other gateway is no more: what waits for it is told so. */
  gone(peer: Pick<Peer, 'id'>): void
  /** Ends streams at once, for their clients to open elsewhere, and calls when they are answered or after so many ms. */
  leave(ms: number): Promise<void>
}

/**
 * Passes requests on to the gateways that serve their people. The other one is told who calls, and trusts that; tokens and
 * cookies stay here.
 */
export function createPeerForwarder(parts: PeerForwarderParts): OpenPeerForwarder {
  const { routes } = parts
  const underWay = new Set<UnderWay>()

  /** Passes the request on once, and remembers what that says of who serves the person. */
  const tryOne = async (passing: Passing): Promise<Passed> => {
    const { peer, caller, request, reply } = passing
    const abort = new AbortController()
    const one: UnderWay = { peer: peer.id, abort, isStream: opensStream(request) }
    underWay.add(one)
    onResponseClose(reply, () => abort.abort())
    const tooLong = (): void => abort.abort(gatewayGone())
    // The gateway that serves the call ends it in time, unless it is out of reach without a word.
    const cancel = one.isStream ? () => {} : parts.clock.after(parts.callMs + SLACK_MS, tooLong)
    try {
      const result = await pass(parts, passing, abort.signal)
      parts.passed(result)
      if (result === 'elsewhere' || result === 'unreachable') routes.servesNot(caller.userId)
      if (result === 'unreachable') routes.notReached(peer)
      return result
    } finally {
      cancel()
      underWay.delete(one)
    }
  }

  /** Whether the request was answered, here with an error if need be; false when it is this gateway's. */
  const tryAll = async (
    request: FastifyRequest,
    reply: FastifyReply,
    where: (userId: UserId, tries: number) => Promise<Peer | undefined>
  ): Promise<boolean> => {
    const caller = callerOf(request)
    for (let tries = 1; tries <= MOST_TRIES; tries += 1) {
      const peer = await where(caller.userId, tries)
      if (!peer) return false
      const result = await tryOne({ request, reply, caller, peer })
      if (isTold(result)) return true
      if (!canBeSentAgain(request)) break
      // Whoever has just given a person up has that stored in a moment.
      if (result === 'elsewhere') await pause(parts.clock, AGAIN_MS * tries)
    }
    sendRpcError(reply, heldElsewhere(), request.peeked?.rpcId ?? null)
    return true
  }

  return {
    lead: (request, reply) => tryAll(request, reply, (userId) => routes.whereFor(userId)),

    leadAway: (request, reply, why) =>
      tryAll(request, reply, async (userId, tries) => {
        if (tries > 1) return routes.whereFor(userId)
        const peer = await routes.anotherFor(userId)
        if (peer && why.code === 'ERR_DRAINING') await parts.letGo(userId)
        return peer
      }),

    gone({ id }) {
      for (const { peer, abort } of underWay) if (peer === id) abort.abort(gatewayGone())
    },

    async leave(ms) {
      for (const { isStream, abort } of underWay) if (isStream) abort.abort(gatewayGone())
      const until = parts.clock.monotonic() + ms
      while (underWay.size > 0 && parts.clock.monotonic() < until)
        await pause(parts.clock, LEAVE_LOOK_MS)
      for (const { abort } of underWay) abort.abort(gatewayGone())
    }
  }
}

interface UnderWay {
  readonly peer: string
  readonly abort: AbortController
  readonly isStream: boolean
}

function callerOf({ caller }: FastifyRequest): Caller {
  if (!caller) throw new Error('somebody without a name was to be passed on')
  return caller
}

const opensStream = ({ method, headers }: FastifyRequest): boolean =>
  method === 'GET' || (isModern(headers) && isListen(headers))

const pause = (clock: Clock, ms: number): Promise<void> =>
  new Promise((resolve) => void clock.after(ms, resolve))

interface Passing {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly caller: Caller
  readonly peer: Peer
}

const isTold = (result: Passed): boolean => result === 'answered' || result === 'lost'

const canBeSentAgain = ({ method, peeked }: FastifyRequest): boolean =>
  method !== 'POST' || Buffer.isBuffer(peeked?.body)

async function pass(
  parts: PeerForwarderParts,
  passing: Passing,
  signal: AbortSignal
): Promise<Passed> {
  const { request, reply, caller } = passing
  const outlet = new ResponseWriter(reply.raw, parts.held, caller.userId)
  try {
    const answer = await ask(parts, passing, signal)
    if (answer.headers[ELSEWHERE_HEADER] !== undefined) {
      await answer.body.dump()
      return 'elsewhere'
    }
    request.isPassedOn = true
    parts.routes.serves(caller.userId, passing.peer)
    reply.code(answer.statusCode).headers(headersToClient(answer.headers))
    const relayed = { outlet, ...lastWordsTo(request, reply) }
    await relayAnswer(reply, answer.body, relayed)
    await new Promise<void>((resolve) => onResponseClose(reply, resolve))
    return 'answered'
  } catch (error) {
    if (reply.raw.closed) return 'answered' // there is nobody to tell
    if (error instanceof PeerUnreachable) return 'unreachable'
    if (error instanceof GatewayError && error.code === 'ERR_BODY_TOO_LARGE') throw error
    request.isPassedOn = true
    await lastWordsTo(request, reply).fail()
    return 'lost'
  }
}

async function ask({ pools, maxBody }: PeerForwarderParts, passing: Passing, signal: AbortSignal) {
  const { request, caller, peer } = passing
  const body = await bodyWithin(request, maxBody)
  const method = (['GET', 'DELETE'] as const).find((one) => one === request.method) ?? 'POST'
  const headers = peerHeaders(request, caller)
  return pools
    .to(peer.url)
    .request({ method, path: '/mcp', headers, ...(body && { body }), signal })
}

/** What its client is told when the other gateway is lost. */
const lastWordsTo = (
  request: FastifyRequest,
  reply: FastifyReply
): Pick<RelayParts, 'passed' | 'endStream'> & { fail(): Promise<void> } => {
  const rpcId = request.peeked?.rpcId ?? null
  return {
    passed() {},
    async fail() {
      if (!reply.raw.closed) sendRpcError(reply, gatewayGone(), rpcId)
    },
    async endStream(to) {
      noteFailure(request, gatewayGone())
      // A stream that a client only listens on has no call that could be told of.
      if (!opensStream(request)) to.write(errorEvent(rpcErrorOf(gatewayGone(), rpcId, request.id)))
    }
  }
}

/** The body to send: whole when it is small, so that it can be sent once more. Throws ERR_BODY_TOO_LARGE. */
async function bodyWithin(
  request: FastifyRequest,
  maxBody: number
): Promise<Buffer | Readable | undefined> {
  if (request.method !== 'POST') return undefined
  if (Number(request.headers['content-length']) > maxBody) throw bodyTooLarge(maxBody)
  const { body, traceparent } = await peekAt(request)
  request.trace?.adopt(parseTraceparent(traceparent))
  if (Buffer.isBuffer(body)) return body
  const limited = byteLimit(maxBody, () => {})
  return bodyOf(request)
    .once('error', (error) => limited.destroy(error))
    .pipe(limited)
}

const heldElsewhere = (): GatewayError =>
  new GatewayError('ERR_LEASE_HELD', 'Another gateway serves this account; try again.', {
    retryAfter: 1
  })
