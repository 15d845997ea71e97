import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { googleScopesFor } from '#shared/access-levels.ts'
import { PRINCIPAL_HEADER, type Principal, REQUEST_ID_HEADER } from '#shared/internal-headers.ts'
import { moduleFile } from '#shared/module-file.ts'
import { LINK_FD } from '#shared/multiplexer/frames.ts'
import { Multiplexer } from '#shared/multiplexer/multiplexer.ts'
import { V8_FLAGS } from '#shared/v8-flags.ts'
import { CHANNEL_PROTOCOL, parseFromWorker, type ToWorker } from '#shared/worker-protocol.ts'

const KEEP_BYTECODE = moduleFile('./bytecode-hook', import.meta.url)

/**
 * Starts a bundled worker, lets it serve one session as a gateway would, and keeps the bytecode of what that
 * took. Rejects when the worker does not get that far.
 */
export async function recordBytecode(program: string, bytecode: string): Promise<void> {
  const worker = spawn(process.execPath, [...V8_FLAGS, KEEP_BYTECODE, program, bytecode], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
    env: { PATH: process.env.PATH }
  })
  const ended = once(worker, 'exit')
  try {
    await Promise.race([
      play(worker),
      ended.then(() => Promise.reject(new Error('The worker ended before its rehearsal did.')))
    ])
  } finally {
    worker.stdio[LINK_FD]?.destroy() // it ends without a gateway
    await ended
  }
}

/** The gateway's part of the conversation. */
async function play({ stdio }: ChildProcess): Promise<void> {
  const pair = stdio[LINK_FD]
  if (!(pair instanceof Duplex)) throw new Error('The worker has no pair.')
  const assigned = Promise.withResolvers<void>()
  const multiplexer: Multiplexer = new Multiplexer({
    pair,
    side: 'gateway',
    onMessage(text) {
      const message = parseFromWorker(JSON.parse(text))
      if (message.type === 'hello') tell(INIT)
      if (message.type === 'ready') tell(ASSIGN)
      if (message.type === 'assigned') assigned.resolve()
      if (message.type === 'session-opened') tell({ type: 'session-stored', id: message.id })
    },
    onEnd: (why) => assigned.reject(new Error(why ?? 'The worker ended.'))
  })
  const tell = (message: ToWorker): void => void multiplexer.tell(message)
  await assigned.promise
  await serveOneSession(new WorkerConnections(() => multiplexer.open()))
}

class WorkerConnections extends Agent {
  readonly #open: () => Duplex

  constructor(open: () => Duplex) {
    super()
    this.#open = open
  }

  override createConnection(): Duplex {
    return this.#open()
  }
}

const ASSIGN: ToWorker = {
  type: 'assign',
  email: 'rehearsal@example.com',
  googleScopes: [...googleScopesFor('gmail.modify')]
}

const INIT: ToWorker = {
  type: 'init',
  protocol: CHANNEL_PROTOCOL,
  gmailOrigin: 'http://127.0.0.1:9',
  resourceMetadataUrl: 'http://127.0.0.1/.well-known/oauth-protected-resource/mcp'
}

/** The client's part. */
async function serveOneSession(agent: Agent): Promise<void> {
  const initialize = {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'rehearsal', version: '1.0.0' }
  }
  const session = await post(agent, {}, { id: 1, method: 'initialize', params: initialize })
  const named = { 'mcp-session-id': session }
  await post(agent, named, { method: 'notifications/initialized' })
  await post(agent, named, { id: 2, method: 'tools/list' })
  // Refused for want of arguments: that is far enough without Gmail.
  const call = { name: 'search_emails', arguments: { max_results: 'many' } }
  await post(agent, named, { id: 3, method: 'tools/call', params: call })
}

/** Resolves with the session id that the answer names. */
async function post(agent: Agent, named: object, message: object): Promise<string> {
  const principal: Principal = {
    clientId: 'rehearsal',
    credential: 'oauth',
    level: 'gmail.modify',
    expiresAt: 2 ** 32
  }
  const sent = request({
    agent,
    path: '/mcp',
    method: 'POST',
    headers: {
      ...named,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      [REQUEST_ID_HEADER]: 'rehearsal',
      [PRINCIPAL_HEADER]: JSON.stringify(principal)
    }
  })
  sent.end(JSON.stringify({ jsonrpc: '2.0', ...message }))
  const [response] = await once(sent, 'response')
  const body = await text(response)
  if (response.statusCode >= 300) throw new Error(`The rehearsal was answered: ${body}`)
  return String(response.headers['mcp-session-id'])
}
