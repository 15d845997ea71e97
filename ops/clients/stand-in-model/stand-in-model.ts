import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { anthropic } from './anthropic.ts'
import { gemini } from './gemini.ts'
import { openaiChat } from './openai-chat.ts'
import { openaiResponses } from './openai-responses.ts'
import { type Conversation, Script, type ScriptedCall } from './script.ts'
import type { StreamEvent } from './wire.ts'

const WIRES = [anthropic, openaiChat, openaiResponses, gemini]

/**
 * Stands in for a model on loopback, over the APIs of Anthropic, OpenAI (both) and Gemini, streaming or not. It does
 * what it was told to `play`, and remembers what it was given. No key is checked.
 */
export interface StandInModel {
  /** Without a path. */
  readonly url: string
  /** Begins a new conversation. */
  play(calls: readonly ScriptedCall[]): void
  /** Of the conversation since the last `play`. */
  conversation(): Conversation
  /** May be called more than once. */
  close(): Promise<void>
}

/** Starts one on a free port of loopback. */
export async function startStandInModel(): Promise<StandInModel> {
  let script = new Script([])
  let answers = 0
  const server = createServer((request, response) => {
    answers += 1
    answer(request, response, script, answers).catch((error: unknown) => {
      // The client's own error handling is not what is looked at here; it must not be left waiting.
      if (!response.headersSent) response.writeHead(500, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ error: { message: String(error) } }))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new Error('The model has no port.')
  return {
    url: `http://127.0.0.1:${address.port}`,
    play(calls) {
      script = new Script(calls)
    },
    conversation: () => script.conversation,
    async close() {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    }
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  script: Script,
  id: number
): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(Buffer.from(chunk))
  const { pathname } = new URL(request.url ?? '/', 'http://model')
  const wire = WIRES.find((each) => each.matches(pathname))
  if (!wire || request.method !== 'POST') return json(response, ...besides(pathname))
  const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
  const asked = wire.read(body, pathname)
  const turn = await script.next(asked, body)
  if (!asked.isStreaming) return json(response, 200, wire.answer(turn, body, id))
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  for (const event of wire.stream(turn, body, id)) response.write(written(event))
  response.end()
}

/** What clients ask for besides: lists of models, counts of tokens. */
function besides(path: string): [number, object] {
  if (path.endsWith('countTokens')) return [200, { totalTokens: 1 }]
  if (path.endsWith('count_tokens')) return [200, { input_tokens: 1 }]
  const model = { id: 'stand-in', object: 'model', owned_by: 'nobody', created: 1 }
  if (path.endsWith('/models')) return [200, { object: 'list', data: [model], models: [] }]
  return [404, { error: { message: 'The stand-in model does not serve this.' } }]
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

const written = ({ event, data }: StreamEvent): string =>
  `${event ? `event: ${event}\n` : ''}data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`
