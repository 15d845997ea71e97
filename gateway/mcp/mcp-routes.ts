import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { covers } from '#shared/access-levels.ts'
import type { Clock } from '#shared/clock.ts'
import { GatewayError } from '#shared/errors.ts'
import { asSessionId, type SessionId, type UserId } from '#shared/ids.ts'
import type { RpcCall } from '#shared/rpc-calls.ts'
import { type Caller, homeOf } from '../accounts/bearer-tokens.ts'
import { bodyTooLarge } from '../http/byte-limit.ts'
import { sendRpcError } from '../http/json-rpc-error.ts'
import { jsonRpcIdOf, peekAt } from '../http/json-rpc-id.ts'
import { formsTaken, isJson } from '../http/media-types.ts'
import { onResponseClose } from '../http/on-response-close.ts'
import { isModern } from '../http/protocol-era.ts'
import type { DrainSwitch } from '../ownership/drain-switch.ts'
import type { BufferedBytes } from '../relay/buffered-bytes.ts'
import { readCallEventId } from '../relay/call-event-id.ts'
import type { Exchange, Exchanges } from '../relay/exchange.ts'
import type { ResumableAnswers } from '../relay/resumable-answers.ts'
import type { GuestSessions } from '../sessions/guest-sessions.ts'
import type { SessionRegistry } from '../sessions/registry.ts'
import type { Restorer } from '../sessions/restore.ts'
import type { Session } from '../sessions/session.ts'
import type { RunningWorker, Supervisor, WorkerLease } from '../supervisor/supervisor.ts'
import { parseTraceparent } from '../telemetry/trace-context.ts'
import type { AccessWatch } from './access-watch.ts'
import type { CallerLimits } from './caller-limits.ts'
import { cancelCalls } from './cancel-calls.ts'
import type { ClientStreams } from './client-streams.ts'
import type { ForwardToSuccessor } from './forward-to-successor.ts'
import { type LedAway, ledAway } from './led-away.ts'
import { chooseMailbox } from './mailbox-of-call.ts'
import { registerMcpProxy } from './mcp-proxy.ts'
import { onCallEnd } from './on-call-end.ts'
import { type LeadBack, resumeCall } from './resume-call.ts'
import { isListen, listen, listenAhead, PATIENCE_MS } from './subscriptions-listen.ts'
import { isTraced } from './trace-requests.ts'

export interface McpParts {
  readonly supervisor: Supervisor
  readonly sessions: SessionRegistry
  readonly restorer: Restorer
  readonly guests: GuestSessions
  readonly exchanges: Exchanges
  readonly streams: ClientStreams
  readonly limits: CallerLimits
  readonly access: AccessWatch
  readonly held: BufferedBytes
  readonly kept: ResumableAnswers
  readonly clock: Clock
  readonly maxBody: number
  /** Where clients learn how to sign in here. */
  readonly resourceMetadataUrl: string
  /** A call that takes longer is ended. */
  readonly callTimeoutMs: number
  /** Whether an operator lets new work in. */
  readonly door: Pick<DrainSwitch, 'enter'>
  /**
   * Whether another gateway listens on this port now and serves this from here on: a user's calls when their
   * worker here is gone, streams at once.
   */
  readonly isHandedOver: (userId: UserId, what: 'call' | 'stream') => boolean
  /** Absent where requests come from another gateway. */
  readonly passOn?: ForwardToSuccessor
  /** Where other gateways are reached; absent where there are none, and where requests come from one. */
  readonly peers?: PeerForwarder | undefined
  readonly measure: {
    bytes(direction: 'in' | 'out', bytes: number, userId: UserId): void
    /** Seconds from the request's arrival to the moment it is forwarded, without the wait for a worker. */
    overhead(seconds: number): void
    /** So many JSON-RPC requests of an account are in a body that was read. */
    calls(count: number, userId: UserId): void
    /** One of them has the id of another one in flight in its session. */
    idCollision(): void
    rejected(error: GatewayError): void
  }
}

/** The way of requests to the gateways that serve their people. */
export interface PeerForwarder {
  /** Sends the request on when its person is another gateway's; resolves with whether it was answered. */
  lead(request: FastifyRequest, reply: FastifyReply): Promise<boolean>
  /** The same when this gateway has found out that it does not serve the person, which `why` says. */
  leadAway(request: FastifyRequest, reply: FastifyReply, why: GatewayError): Promise<boolean>
  /** To the gateway that has begun to answer a call; absent where requests come from one. */
  readonly leadBack?: LeadBack
}

/** `/mcp` for an authenticated caller: POST goes to the worker, GET parks a stream here, DELETE ends a session. */
export async function mcpRoutes(app: FastifyInstance, parts: McpParts): Promise<void> {
  app.decorateRequest('exchange', null)
  app.setErrorHandler(async (thrown, request, reply) => {
    if (isDraining(thrown) && parts.passOn && isElsewhere(parts, request))
      return parts.passOn(request, reply)
    const led = await leadAnothers(parts, request, reply, thrown)
    if (led.isLed) return reply
    const { error } = led
    if (error instanceof GatewayError) parts.measure.rejected(error)
    else if (isInvalidType(error)) return unsupportedType(request, reply)
    else if (!reply.raw.closed) request.log.error({ err: error }, 'request failed')
    // The rest of such a body is not wanted.
    if (isTooLarge(error)) reply.header('connection', 'close')
    return sendRpcError(reply, error, await jsonRpcIdOf(request))
  })

  // What was refused may not have been read to its end, and the connection's next request waits behind it (RFC 9112 §9.3).
  app.addHook('onResponse', async ({ raw }) => {
    if (!raw.readableEnded) raw.resume()
  })

  const bodiless: FastifyPluginAsync = async (scope) => bodilessRoutes(scope, parts)
  await app.register(bodiless)

  await registerMcpProxy(app, {
    exchanges: parts.exchanges,
    maxBody: parts.maxBody,
    resourceMetadataUrl: parts.resourceMetadataUrl,
    held: parts.held,
    kept: parts.kept,
    onBytes: parts.measure.bytes,
    admit: (request, reply) => admit(parts, request, reply)
  })
}

/** Leads a request for somebody whom another gateway serves to that one. */
async function leadAnothers(
  { peers }: McpParts,
  request: FastifyRequest,
  reply: FastifyReply,
  error: unknown
): Promise<LedAway> {
  if (!peers || !isAnothers(error)) return { isLed: false, error }
  return ledAway(() => peers.leadAway(request, reply, error), error)
}

/** What needs no worker. These methods have no body that means anything (RFC 9110 §9.3.5), whatever its type. */
async function bodilessRoutes(app: FastifyInstance, parts: McpParts): Promise<void> {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => {
    payload.resume()
    done(null)
  })

  // Not for HEAD: it would open a stream that nobody can read.
  app.get('/mcp', { exposeHeadRoute: false }, async (request, reply) => {
    if (readCallEventId(request.headers['last-event-id'])) return comeBack(parts, request, reply)
    if (await parts.peers?.lead(request, reply)) return reply
    parts.limits.spend(callerOf(request).userId)
    const found = await findSession(parts.sessions, request)
    if (!found) return methodNotAllowed(request, reply)
    stayHere(parts, request)
    if (!formsTaken(request.headers.accept).stream) return notAcceptable(reply, null)
    await parts.streams.openSession(found.session, found.id, callerOf(request), reply)
    return reply
  })

  app.delete('/mcp', async (request, reply) => {
    if (await parts.peers?.lead(request, reply)) return reply
    parts.limits.spend(callerOf(request).userId)
    const found = await findSession(parts.sessions, request)
    if (!found) return methodNotAllowed(request, reply)
    await parts.sessions.end(found.session.handle, 'client')
    return reply.code(200).send()
  })

  app.route({
    method: ['HEAD', 'PUT', 'PATCH'],
    url: '/mcp',
    handler: async (request, reply) => methodNotAllowed(request, reply)
  })
}

/** Its client has lost the stream of a call's answer (MCP 2025-11-25, "Resumability and Redelivery"). */
async function comeBack(
  parts: McpParts,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<FastifyReply> {
  parts.limits.spend(callerOf(request).userId)
  const found = await findSession(parts.sessions, request)
  if (!found) return methodNotAllowed(request, reply)
  if (!formsTaken(request.headers.accept).stream) return notAcceptable(reply, null)
  const { kept, peers } = parts
  const isServed = await resumeCall({ kept, leadBack: peers?.leadBack }, found, request, reply)
  return isServed ? reply : methodNotAllowed(request, reply)
}

/**
 * Opens the request's exchange: a place within the account's limits, a live session if one is named, a
 * worker that knows the session. Everything it takes is given back when the response is over.
 */
async function admit(parts: McpParts, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  await chooseMailbox(request, parts.exchanges)
  if (await parts.peers?.lead(request, reply)) return
  const arrivedAt = performance.now()
  parts.door.enter()
  const caller = callerOf(request)
  const left = new AbortController()
  let isWaiting = true
  onResponseClose(reply, () => {
    if (isWaiting) left.abort()
  })
  const unwatch = parts.access.add(caller, () => {
    left.abort(accessEnded())
    if (request.exchange) cancelCalls(request.exchange, accessEnded())
  })
  onCallEnd(reply, unwatch)
  const leave = parts.limits.enterCall(caller.userId)
  onCallEnd(reply, leave)
  if (Number(request.headers['content-length']) > parts.maxBody) throw bodyTooLarge(parts.maxBody)
  const peeked = await peekAt(request)
  const { count, isInitialize, calls: read } = peeked
  request.trace?.adopt(parseTraceparent(peeked.traceparent))
  if (count > 1) onCallEnd(reply, parts.limits.enterRestOf(caller.userId, count))
  if (!isJson(request.headers['content-type']) || isEncoded(request)) {
    await unsupportedType(request, reply)
    return
  }
  const { json, stream } = formsTaken(request.headers.accept)
  if (!stream && (!json || opensStream(request))) {
    await notAcceptable(reply, await jsonRpcIdOf(request))
    return
  }
  // It begins anew, whatever session the client had before (MCP 2025-11-25, Session Management 4).
  if (isInitialize) delete request.headers['mcp-session-id']
  const found = await findSession(parts.sessions, request)
  stayHere(parts, request)
  const beforeWorker = performance.now()
  const worker = parts.supervisor.acquire(caller.userId, left.signal)
  const lease = opensStream(request) ? await soon(worker, parts.clock) : await worker
  if (!lease) {
    leave() // an open subscription is a stream, not a call
    await listenAhead(parts.streams, request, reply, { caller, worker })
    return
  }
  isWaiting = false
  onCallEnd(reply, () => lease.release())
  const afterWorker = performance.now()
  const guestId = found && (await enterSession(parts, found, lease.worker))
  await parts.streams.bind(caller.userId) // or a stream would miss what this call announces
  note(parts, caller, found?.session, read)
  const exchange = parts.exchanges.open({
    read,
    requestId: request.id,
    caller: atLevelOf(found?.session, caller),
    session: found?.session,
    worker: lease.worker,
    guestId,
    startedAt: parts.clock.now(),
    since: parts.clock.monotonic(),
    isTraced: isTraced(request),
    mostCalls: count,
    reply
  })
  request.exchange = exchange
  if (found) begin(parts, found.session, caller)
  onCallEnd(reply, () => {
    parts.exchanges.close(exchange)
    if (found) found.session.inFlight -= 1
    if (!reply.raw.writableFinished) exchange.abort.abort()
  })
  parts.measure.overhead((beforeWorker - arrivedAt + performance.now() - afterWorker) / 1000)
  if (!opensStream(request)) {
    onCallEnd(reply, endInTime(parts, exchange))
    return
  }
  await listen(parts, exchange, request, reply)
  parts.exchanges.close(exchange)
  unwatch() // the stream has a watch of its own
  leave()
  lease.release()
}

/** Resolves when the worker serves the session, with the id for it where it is that of another mailbox. */
async function enterSession(
  { restorer, guests }: Pick<McpParts, 'restorer' | 'guests'>,
  { session, id }: { readonly session: Session; readonly id: SessionId },
  worker: RunningWorker
): Promise<SessionId | undefined> {
  if (worker.userId !== session.userId) return guests.ensure(session, worker)
  await restorer.ensure(session, id, worker)
  return undefined
}

/** However a call goes on, it is answered by then; a client that waits longer has most likely left. */
function endInTime({ clock, callTimeoutMs }: McpParts, exchange: Exchange): () => void {
  return clock.after(callTimeoutMs, () => {
    const seconds = callTimeoutMs / 1000
    const message = `The call was ended: it took longer than ${seconds} s (see CALL_TIMEOUT).`
    cancelCalls(exchange, new GatewayError('ERR_CALL_TIMEOUT', message))
  })
}

/** Counts what was read in a body; the rest is counted when a worker tells of it. */
function note(
  { exchanges, measure }: McpParts,
  { userId }: Caller,
  session: Session | undefined,
  read: readonly RpcCall[] = []
): void {
  measure.calls(read.length, userId)
  if (!session || session.inFlight === 0) return
  for (const { rpcId } of read) if (exchanges.isTaken(session, rpcId)) measure.idCollision()
}

function begin({ streams }: McpParts, session: Session, caller: Caller): void {
  session.inFlight += 1
  session.requests += 1
  if (caller.userId === session.userId) streams.renew(session, caller)
}

/**
 * The session a legacy request names; undefined when it names none, or is of a revision without sessions.
 * Unknown, ended and foreign ids are one and the same ERR_SESSION_UNKNOWN.
 */
async function findSession(
  sessions: SessionRegistry,
  request: FastifyRequest
): Promise<{ session: Session; id: SessionId } | undefined> {
  const named = request.headers['mcp-session-id']
  if (typeof named !== 'string' || isModern(request.headers)) return undefined
  const id = asSessionId(named)
  const session = await sessions.find(id, homeOf(callerOf(request)))
  if (!session) throw new GatewayError('ERR_SESSION_UNKNOWN', 'Session not found')
  sessions.touch(session) // before any wait, which must not find it forgotten or expired
  return { session, id }
}

/** A session may allow more than its caller's token, if the owner of the mailbox said so by tool: to whom, was not said. */
function atLevelOf(session: Session | undefined, caller: Caller): Caller {
  const { level } = session ?? {}
  if (level === undefined || caller.person !== undefined) return caller
  if (caller.level && covers(caller.level, level)) return caller
  return { ...caller, level }
}

function callerOf(request: FastifyRequest): Caller {
  if (!request.caller) throw new Error('/mcp was reached without a caller')
  return request.caller
}

/** Throws ERR_DRAINING when the call is for another gateway; the error's way out leads there. */
function stayHere(parts: McpParts, request: FastifyRequest): void {
  if (isElsewhere(parts, request))
    throw new GatewayError('ERR_DRAINING', 'Another gateway takes over; try again.', {
      retryAfter: 1
    })
}

const isElsewhere = (parts: McpParts, request: FastifyRequest): boolean =>
  parts.isHandedOver(callerOf(request).userId, opensStream(request) ? 'stream' : 'call')

/** Whether its answer stays open: a GET of the older revisions, or what the younger one has for it. */
const opensStream = ({ method, headers }: FastifyRequest): boolean =>
  method === 'GET' || (isModern(headers) && isListen(headers))

/** The worker, unless it takes longer than a client should wait for a stream to open. */
async function soon(worker: Promise<WorkerLease>, clock: Clock): Promise<WorkerLease | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const cancel = clock.after(PATIENCE_MS, () => resolve(undefined))
  try {
    return await Promise.race([worker, promise])
  } finally {
    cancel()
  }
}

const accessEnded = (): GatewayError =>
  new GatewayError(
    'ERR_ACCESS_ENDED',
    'The access that this call rests on has ended: it was revoked or its time is over. Sign in again.'
  )

const isDraining = (error: unknown): boolean =>
  error instanceof GatewayError && error.code === 'ERR_DRAINING'

/** Nothing was begun here, and another gateway serves this person, or may. */
const isAnothers = (error: unknown): error is GatewayError =>
  error instanceof GatewayError && ['ERR_DRAINING', 'ERR_LEASE_HELD'].includes(error.code)

/** Such as `gzip`: what is in it would count only when it is unpacked (RFC 9110 §8.4). */
const isEncoded = ({ headers }: FastifyRequest): boolean =>
  !['identity', ''].includes(headers['content-encoding']?.toLowerCase() ?? '')

/** Fastify's own refusal of a content type that is no media type. */
const isInvalidType = (error: unknown): boolean =>
  error instanceof Error && 'statusCode' in error && error.statusCode === 415

const isTooLarge = (error: unknown): boolean =>
  error instanceof GatewayError && error.code === 'ERR_BODY_TOO_LARGE'

/** What `/mcp` serves: sessions have GET and DELETE as well (RFC 9110 §15.5.6 wants it said). */
export const ALLOWED = 'GET, POST, DELETE, OPTIONS'

const methodNotAllowed = ({ headers }: FastifyRequest, reply: FastifyReply): FastifyReply => {
  reply.code(405).header('allow', isModern(headers) ? 'POST, OPTIONS' : ALLOWED)
  return refuse(reply, null, 'Method not allowed: send a JSON-RPC message with POST.')
}

const notAcceptable = (reply: FastifyReply, id: RpcId): FastifyReply =>
  refuse(reply.code(406), id, 'The client must accept application/json or text/event-stream.')

const unsupportedType = async (
  request: FastifyRequest,
  reply: FastifyReply
): Promise<FastifyReply> =>
  refuse(
    reply.code(415),
    await jsonRpcIdOf(request),
    'The body must be application/json, as it is.'
  )

type RpcId = string | number | null

const refuse = (reply: FastifyReply, id: RpcId, message: string): FastifyReply =>
  reply.send({
    jsonrpc: '2.0',
    id,
    error: { code: -32000, message, data: { requestId: reply.request.id } }
  })
