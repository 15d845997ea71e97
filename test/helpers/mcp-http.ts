import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import * as z from 'zod'
import type { GoogleStandIn } from './connect-users.ts'
import type { TestGateway } from './start-gateway.ts'

/** The revision whose requests stand alone. */
const MODERN = '2026-07-28'
const LEGACY = '2025-11-25'

/** The path of a fixture worker's program. */
export const fixtureWorker = (name: 'tools' | 'scripted'): string =>
  fileURLToPath(new URL(`../fixtures/workers/${name}.ts`, import.meta.url))

/** A Google that nobody asks anything, with so many people. */
export const peopleOf = (count: number): GoogleStandIn => ({
  url: 'http://127.0.0.1:9',
  clientId: 'client',
  clientSecret: 'secret',
  users: Array.from({ length: count }, (_, i) => ({
    email: `person${i}@example.com`,
    sub: `${100_000_000_000_000_000_001n + BigInt(i)}`
  })),
  issueGrant: () => ({ refreshToken: '1//none' })
})

export interface Endpoint {
  readonly url: string
  readonly token: string
}

export interface Sent {
  readonly method?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly session?: string | undefined
  readonly signal?: AbortSignal
}

/** One plain HTTP request to `/mcp`. An object is sent as JSON. */
export function send(to: Endpoint, { method, body, headers, session, signal }: Sent) {
  return fetch(to.url, {
    method: method ?? 'POST',
    headers: {
      authorization: `Bearer ${to.token}`,
      accept: 'application/json, text/event-stream',
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(session !== undefined && { 'mcp-session-id': session }),
      ...headers
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    ...(signal && { signal })
  })
}

export const initialize = (name = 'test-client') => ({
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: LEGACY, capabilities: {}, clientInfo: { name, version: '1' } }
})

/** Opens a legacy session and gives its id. */
export async function openSession(to: Endpoint, name?: string): Promise<string> {
  const opened = await send(to, { body: initialize(name) })
  await opened.text()
  const session = opened.headers.get('mcp-session-id')
  if (session === null) throw new Error(`initialize was answered ${opened.status}`)
  const body = { jsonrpc: '2.0', method: 'notifications/initialized' }
  const confirmed = await send(to, { session, body })
  await confirmed.text()
  return session
}

/** `tools/call` as a 2025 client sends it. */
export const call = (
  name: string,
  args: object = {},
  id: string | number = 1,
  meta: object = {}
) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args, _meta: meta } })

const META = {
  'io.modelcontextprotocol/protocolVersion': MODERN,
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': { name: 'modern-client', version: '1' }
}

/** A request as a 2026-07-28 client sends it: body and headers. */
export function modern(method: string, params: object = {}, id: string | number = 1) {
  const name = 'name' in params ? String(params.name) : undefined
  return {
    body: { jsonrpc: '2.0', id, method, params: { ...params, _meta: META } },
    headers: {
      'mcp-protocol-version': MODERN,
      'mcp-method': method,
      ...(name !== undefined && { 'mcp-name': name })
    }
  }
}

/** `tools/call` of a 2026-07-28 client, as the handler of a worker gets it; `more` joins its params. */
export function modernRequest(
  name: string,
  args: object,
  { more = {}, capabilities = {} }: { more?: object; capabilities?: object } = {}
): Request {
  const { body, headers } = modern('tools/call', { name, arguments: args, ...more })
  const meta = { ...META, 'io.modelcontextprotocol/clientCapabilities': capabilities }
  return new Request('http://worker/mcp', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers
    },
    body: JSON.stringify({ ...body, params: { ...body.params, _meta: meta } })
  })
}

export const modernCall = (name: string, args: object = {}, id: string | number = 1) =>
  modern('tools/call', { name, arguments: args }, id)

const Message = z.looseObject({
  id: z.union([z.string(), z.number()]).nullish(),
  method: z.string().optional(),
  params: z.looseObject({ _meta: z.looseObject({}).optional() }).optional(),
  result: z
    .looseObject({ content: z.array(z.looseObject({ text: z.string() })).optional() })
    .optional(),
  error: z
    .looseObject({
      code: z.number(),
      message: z.string(),
      data: z.looseObject({ code: z.string().optional() }).optional()
    })
    .optional()
})
export type Message = z.infer<typeof Message>

/** Every JSON-RPC message of an answer, whether it is JSON or an event stream. */
export async function messagesOf(response: Response): Promise<Message[]> {
  if (response.headers.get('content-type')?.startsWith('text/event-stream')) {
    const all: Message[] = []
    for await (const message of events(response)) all.push(message)
    return all
  }
  return [await response.json()].flat().map((message) => Message.parse(message))
}

/** The only message of an answer. */
export async function messageOf(response: Response): Promise<Message> {
  const [only, ...others] = await messagesOf(response)
  if (!only || others.length > 0) throw new Error(`${others.length + 1} messages`)
  return only
}

/** The text of a tool's answer. */
export const textOf = ({ result }: Message): string | undefined => result?.content?.[0]?.text

/** The messages of an event stream, as they come; throws on an event that is not whole. */
export async function* events(response: Response): AsyncGenerator<Message> {
  for await (const event of rawEvents(response)) {
    const data = /^data: (.+)$/m.exec(event)?.[1]
    if (data !== undefined) yield Message.parse(JSON.parse(data))
  }
}

/** The events of a stream as text, comments included. */
export async function* rawEvents(response: Response): AsyncGenerator<string> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    const whole = text.split('\n\n')
    text = whole.pop() ?? ''
    yield* whole
  }
  if (text !== '') throw new Error('the stream ended within an event')
}

export interface Person extends Endpoint {
  readonly sub: string
}

/** One of the people of a gateway that was started with `peopleOf`. */
export function endpointOf(gateway: TestGateway, index: number): Person {
  const user = gateway.users[index]
  if (!user) throw new Error(`there are only ${gateway.users.length} people`)
  return { url: gateway.url, token: user.token, sub: user.sub }
}

const Workers = z.object({
  workers: z.array(
    z.object({
      id: z.string(),
      pid: z.number(),
      userId: z.string().nullable(),
      inFlight: z.number(),
      phase: z.string()
    })
  )
})

/** The worker processes there are, as operators see them. */
export async function workersOf(gateway: TestGateway) {
  const { body } = await gateway.admin('GET', '/admin/workers')
  return Workers.parse(body).workers
}

/** `kill -9` of a person's worker; resolves when the gateway knows that it is gone. */
export async function killWorkerOf(gateway: TestGateway, { sub }: Person): Promise<void> {
  const worker = (await workersOf(gateway)).find(({ userId }) => userId === sub)
  if (!worker) throw new Error('there is no worker to kill')
  process.kill(worker.pid, 'SIGKILL')
  await until(async () => (await workersOf(gateway)).every(({ id }) => id !== worker.id))
}

/** Looks again and again until the condition holds, 10 s at most; for what happens in another process. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 10_000
  while (!(await condition())) {
    if (performance.now() > end) throw new Error('it did not come to pass in 10 s')
    await setTimeout(5)
  }
}
