/** This gateway as a whole: taking work or not, settings, what happens. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { GatewayError } from '#shared/errors.ts'
import type { Config } from '../config/config.ts'
import type { DataPlane } from '../mcp/data-plane.ts'
import type { Events } from '../telemetry/events.ts'
import { type ChangeParts, change } from './answers.ts'
import { implement } from './implement.ts'
import { implementAtOne, type NodesParts, viewNodes } from './nodes.ts'
import { OPENAPI } from './openapi.ts'
import { redactedConfig } from './redacted-config.ts'
import type { Reload } from './reload.ts'
import {
  describeApi,
  drain,
  getConfig,
  listNodes,
  reload,
  streamEvents,
  undrain,
  whoAmI
} from './verbs/gateway.ts'

export interface NodeParts extends ChangeParts, NodesParts {
  /** The settings in force: a reload changes some. */
  readonly configNow: () => Config
  readonly door: DataPlane['door']
  readonly events: Events
  readonly reload: Reload
  /** Whether the token that a request came with would still be let in: a stream outlives a reload. */
  readonly isLetIn: (request: FastifyRequest) => boolean
}

/** Before a proxy or a person takes the stream for dead. */
const COMMENT_MS = 15_000

export function gatewayRoutes(app: FastifyInstance, parts: NodeParts): void {
  const { door } = parts
  const node = (action: 'drain' | 'undrain' | 'reload') => ({ action, target: 'node' })

  implementAtOne(
    app,
    drain,
    parts,
    ({ request }) =>
      change(parts, request, node('drain'), async () => {
        door.close()
        return { accepting: door.isOpen() }
      }),
    'drain'
  )
  implementAtOne(
    app,
    undrain,
    parts,
    ({ request }) =>
      change(parts, request, node('undrain'), async () => {
        door.open()
        return { accepting: door.isOpen() }
      }),
    'undrain'
  )
  implement(app, reload, ({ request }) =>
    change(parts, request, node('reload'), () => parts.reload())
  )
  implementAtOne(app, getConfig, parts, async () => ({ config: redactedConfig(parts.configNow()) }))
  implement(app, listNodes, async ({ request }) => ({ nodes: await viewNodes(parts, request) }))
  implement(app, whoAmI, async ({ request: { operator } }) => {
    if (!operator) throw new GatewayError('ERR_FORBIDDEN', 'Nobody said who they are.')
    const { name, role, actor } = operator
    return { name, role, actor }
  })
  implement(app, describeApi, async () => {
    const document = app.swagger()
    return { ...document, openapi: OPENAPI.openapi }
  })
  implement(app, streamEvents, async ({ request, reply }) => {
    stream(parts, request, reply)
    return reply
  })
}

/** Server-sent events (HTML Living Standard, 9.2). */
function stream(
  { events, isLetIn }: Pick<NodeParts, 'events' | 'isLetIn'>,
  request: FastifyRequest,
  reply: FastifyReply
): void {
  reply.hijack()
  const { raw } = reply
  raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  const write = (text: string): void => {
    if (!isLetIn(request)) raw.end()
    else if (raw.writableLength > MOST_WAITING)
      raw.destroy() // who does not read hears no more
    else raw.write(text)
  }
  write(': events\n\n')
  const stop = events.listen(({ type, at, fields }) =>
    write(`event: ${type}\ndata: ${JSON.stringify({ type, at, ...fields })}\n\n`)
  )
  const timer = setInterval(() => write(': \n\n'), COMMENT_MS)
  raw.once('close', () => {
    clearInterval(timer)
    stop()
  })
}

/** Bytes. */
const MOST_WAITING = 256 * 1024
