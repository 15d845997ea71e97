import { type ChildProcess, spawn } from 'node:child_process'
import { on, once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { googleScopesFor } from '#shared/access-levels.ts'
import { CHANNEL_PROTOCOL, parseFromWorker, type ToWorker } from '#shared/channel.ts'
import { V8_FLAGS } from '#shared/v8-flags.ts'
import {
  PRINCIPAL_HEADER,
  type Principal,
  REQUEST_ID_HEADER,
  WORKER_SECRET_HEADER
} from '#shared/worker-http.ts'

const KEEP_BYTECODE = fileURLToPath(new URL('./keep-bytecode.ts', import.meta.url))
const SECRET = 'rehearsal'

/**
 * Starts a bundled worker, lets it serve one session as a gateway would, and keeps the bytecode of what that
 * took. Rejects when the worker does not get that far.
 */
export async function rehearse(program: string, bytecode: string): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'rehearsal-'))
  const worker = spawn(process.execPath, [...V8_FLAGS, KEEP_BYTECODE, program, bytecode], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { PATH: process.env.PATH }
  })
  const ended = once(worker, 'exit')
  try {
    await Promise.race([
      play(worker, join(directory, 's')),
      ended.then(() => Promise.reject(new Error('The worker ended before its rehearsal did.')))
    ])
  } finally {
    if (worker.connected) worker.disconnect()
    await ended
    await rm(directory, { recursive: true, force: true })
  }
}

/** The gateway's part of the conversation. */
async function play(worker: ChildProcess, socketPath: string): Promise<void> {
  for await (const [raw] of on(worker, 'message')) {
    const message = parseFromWorker(raw)
    if (message.type === 'hello') tell(worker, initFor(socketPath))
    if (message.type === 'ready') tell(worker, ASSIGN)
    if (message.type === 'assigned') break
  }
  worker.on('message', (raw) => {
    const message = parseFromWorker(raw)
    if (message.type === 'session-opened') tell(worker, { type: 'session-stored', id: message.id })
  })
  await serveOneSession(socketPath)
}

const ASSIGN: ToWorker = {
  type: 'assign',
  email: 'rehearsal@example.com',
  googleScopes: [...googleScopesFor('gmail.modify')]
}

const initFor = (socketPath: string): ToWorker => ({
  type: 'init',
  protocol: CHANNEL_PROTOCOL,
  socketPath,
  secret: SECRET,
  gmailOrigin: 'http://127.0.0.1:9',
  resourceMetadataUrl: 'http://127.0.0.1/.well-known/oauth-protected-resource/mcp'
})

/** The client's part. */
async function serveOneSession(socketPath: string): Promise<void> {
  const initialize = {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'rehearsal', version: '1.0.0' }
  }
  const session = await post(socketPath, {}, { id: 1, method: 'initialize', params: initialize })
  const named = { 'mcp-session-id': session }
  await post(socketPath, named, { method: 'notifications/initialized' })
  await post(socketPath, named, { id: 2, method: 'tools/list' })
  // Refused for want of arguments: that is far enough without Gmail.
  const call = { name: 'search_emails', arguments: { max_results: 'many' } }
  await post(socketPath, named, { id: 3, method: 'tools/call', params: call })
}

/** Resolves with the session id that the answer names. */
async function post(socketPath: string, named: object, message: object): Promise<string> {
  const principal: Principal = {
    clientId: 'rehearsal',
    credential: 'oauth',
    level: 'gmail.modify',
    expiresAt: 2 ** 32
  }
  const sent = request({
    socketPath,
    path: '/mcp',
    method: 'POST',
    headers: {
      ...named,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      [WORKER_SECRET_HEADER]: SECRET,
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

const tell = (worker: ChildProcess, message: ToWorker): void => void worker.send(message)
