/** Runs one user's worker: speaks with the gateway over the pair that it was started with, and serves MCP on it. */
import { Socket } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import type { McpServer } from '@modelcontextprotocol/server'
import { systemClock } from '#shared/clock.ts'
import { asSessionId } from '#shared/ids.ts'
import { LINK_FD } from '#shared/multiplexer/frames.ts'
import { Multiplexer } from '#shared/multiplexer/multiplexer.ts'
import type { ToolPolicy } from '#shared/tool-policy.ts'
import { CHANNEL_PROTOCOL, type ToWorker } from '#shared/worker-protocol.ts'
import { Channel, type Told } from './channel/channel.ts'
import { type Dial, dialThrough } from './channel/dial.ts'
import type { FetchAttachment } from './http/attachment-response.ts'
import { type Connections, type Serve, serveConnections } from './http/connections.ts'
import type { ReceiveUpload } from './http/receive-upload.ts'
import { createEndpoint, type Endpoint } from './mcp/endpoint.ts'
import { SessionRefused } from './mcp/sessions.ts'
import { warmUpMcp } from './mcp/warm-up.ts'
import { collectGarbage, whenIdle } from './process/idle-gc.ts'
import { callsRunning } from './process/served-request.ts'
import { type Term, termOf } from './process/term.ts'

type Init = Extract<ToWorker, { type: 'init' }>
type Assign = Extract<ToWorker, { type: 'assign' }>

/** What a worker serves once it knows whose it is. */
export interface WorkerProgram {
  /** A new MCP server; called for each session and each 2026-07-28 request, so it must be cheap. */
  build(): McpServer
  /** The content of an attachment, for a link that the gateway gave out. */
  readonly fetchAttachment?: FetchAttachment
  /** Takes a file for which the gateway gave out an address. */
  readonly receiveUpload?: ReceiveUpload
  /** Google's grant for the account changed, or what tools may do. */
  granted(googleScopes: readonly string[], policy?: ToolPolicy): void
  /** Ends what the program holds. May be called more than once. */
  close(): Promise<void>
}

/** Makes the program of one account. Called once in a worker's life. */
export type CreateProgram = (parts: {
  init: Init
  assign: Assign
  channel: Channel
  /** The only way out: a connection to `init.gmailOrigin`, which the gateway makes. */
  dial: Dial
}) => WorkerProgram

interface Life {
  readonly init: Init
  readonly connections: Connections
  /** Loads and makes what the first session would have to wait for. */
  warmUp(): Promise<void>
  program?: WorkerProgram
  endpoint?: Endpoint
}

/** Coarse, because every sample wakes a worker that is otherwise asleep. */
const LAG_SAMPLE_MS = 500

/** A worker that was started for somebody is assigned sooner. */
const UNWANTED_MS = 50

/** Starts the worker. The process ends with 0 after `drain`, with 1 when it cannot go on. */
export function runWorker(version: string, define: CreateProgram): void {
  let life: Life | undefined
  const lag = monitorEventLoopDelay({ resolution: LAG_SAMPLE_MS })
  lag.enable()

  const told = async (message: Told) => {
    switch (message.type) {
      case 'init':
        life = begin({ init: message, current: () => life, channel, term })
        channel.tell({ type: 'ready' })
        warmUpIfUnwanted(life, channel)
        break
      case 'assign':
        if (!life || life.program) throw new Error('assign came out of turn')
        life.program = define({ init: life.init, assign: message, channel, dial })
        life.endpoint = endpointFor(life.program, channel)
        if (message.until !== undefined) term.lastsUntil(message.until)
        channel.tell({ type: 'assigned' })
        break
      case 'restore':
        channel.tell({
          type: 'restored',
          id: message.id,
          ok: await restore(message, life, channel)
        })
        break
      case 'end-session':
        await life?.endpoint?.sessions.end(message.sessionHash)
        break
      case 'granted':
        life?.program?.granted(message.googleScopes, message.policy)
        life?.endpoint?.toolsChanged()
        break
      case 'lasts':
        term.lastsUntil(message.until)
        break
      case 'ping':
        channel.tell({ type: 'pong', id: message.id, lagSeconds: secondsLate(lag.max) })
        lag.reset()
        break
      case 'drain':
        await drain()
        break
    }
  }

  const term = termOf({
    clock: systemClock,
    isBusy: () => life?.connections.isBusy === true || callsRunning() > 0,
    end: () => process.exit(0)
  })
  // A service manager's SIGTERM may come to the whole group, and the gateway's word as well.
  let draining: Promise<void> | undefined
  const drain = (): Promise<void> => {
    draining ??= end()
    return draining
  }
  const end = async (): Promise<void> => {
    const drained = life?.connections.drain()
    await life?.connections.answered()
    const endpoint = life?.endpoint
    delete life?.endpoint // who is late is told to come again, not that its session is unknown
    await endpoint?.close() // the streams end after all that was said on them
    await drained
    await life?.program?.close()
    await multiplexer.finish()
    process.exit(0)
  }

  const fail = (error: unknown): void => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
    process.exit(1)
  }

  process.on('uncaughtException', fail).on('unhandledRejection', fail)
  process.on('SIGTERM', () => void drain().catch(fail))
  const multiplexer = new Multiplexer({
    pair: new Socket({ fd: LINK_FD, readable: true, writable: true }),
    side: 'worker',
    onMessage: (text) => channel.receive(text),
    onStream: (stream) => life?.connections.take(stream),
    onEnd: () => process.exit(0) // without a gateway there is nothing to do
  })
  const dial = dialThrough(() => multiplexer.open())
  const channel = new Channel({
    post: (message) => multiplexer.tell(message),
    told: (message) => void told(message).catch(fail)
  })
  channel.tell({ type: 'hello', protocol: CHANNEL_PROTOCOL, version })
}

async function restore(
  { sessionId, initialize }: Extract<ToWorker, { type: 'restore' }>,
  life: Life | undefined,
  channel: Channel
): Promise<boolean> {
  try {
    await life?.endpoint?.sessions.restore(asSessionId(sessionId), initialize)
    return life?.endpoint !== undefined
  } catch (error) {
    channel.tell({ type: 'log', level: 'warn', message: 'restore failed', fields: brief(error) })
    return false
  }
}

function begin({
  init,
  current,
  channel,
  term
}: {
  readonly init: Init
  readonly current: () => Life | undefined
  readonly channel: Channel
  readonly term: Term
}): Life {
  let answering: Promise<Serve> | undefined
  const load = (): Promise<Serve> => {
    answering ??= import('./http/request-listener.ts').then(({ answerRequests }) =>
      answerRequests({
        resourceMetadataUrl: init.resourceMetadataUrl,
        serving() {
          const { endpoint, program } = current() ?? {}
          const { fetchAttachment, receiveUpload } = program ?? {}
          return endpoint && { endpoint, fetchAttachment, receiveUpload }
        },
        tell: (message) => channel.tell(message)
      })
    )
    return answering
  }
  const happened = whenIdle(systemClock, collectGarbage)
  happened()
  const connections = serveConnections(async (request, response) => {
    term.begins()
    happened()
    response.once('close', happened)
    const serve = await load()
    await serve(request, response)
  })
  return {
    init,
    connections,
    async warmUp() {
      await load()
      await setImmediate() // it may be wanted meanwhile
      if (!current()?.program) await warmUpMcp()
    }
  }
}

/** Who is wanted at once has no time for it. */
function warmUpIfUnwanted(life: Life, channel: Channel): void {
  const failed = (error: unknown): void =>
    channel.tell({ type: 'log', level: 'warn', message: 'warm-up failed', fields: brief(error) })
  setTimeout(() => {
    if (!life.program) life.warmUp().catch(failed) // the first session waits a little longer then
  }, UNWANTED_MS).unref()
}

const endpointFor = (program: WorkerProgram, channel: Channel): Endpoint =>
  createEndpoint(
    () => program.build(),
    {
      async opened(sessionId, clientId, initialize) {
        const answer = await channel.ask({
          type: 'session-opened',
          sessionId,
          clientId,
          initialize
        })
        if (answer.type === 'session-refused')
          throw new SessionRefused(answer.message, answer.retryAfter)
      },
      abandoned: (sessionId) => channel.tell({ type: 'session-abandoned', sessionId })
    },
    (error) => channel.tell({ type: 'log', level: 'debug', message: 'mcp', fields: brief(error) })
  )

/** An error's kind. Its message may quote mail or arguments, so it stays here. */
const brief = (error: unknown): { error: string } => ({
  error: error instanceof Error ? error.name : typeof error
})

/** A sample is the time between two timers, so what exceeds their interval is the lag. */
const secondsLate = (nanoseconds: number): number =>
  Math.max(0, nanoseconds / 1e9 - LAG_SAMPLE_MS / 1e3)
