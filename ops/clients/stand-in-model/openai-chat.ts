/** OpenAI's Chat Completions API (platform.openai.com, Create chat completion). */
import * as z from 'zod'
import type { ModelTurn, ModelWire } from './wire.ts'

const Body = z.looseObject({
  model: z.string().default('stand-in'),
  stream: z.boolean().default(false),
  tools: z
    .array(z.looseObject({ function: z.looseObject({ name: z.string() }).optional() }))
    .default([]),
  messages: z.array(z.looseObject({ role: z.string() })).default([])
})

export const openaiChat: ModelWire = {
  matches: (path) => path.endsWith('/chat/completions'),
  read(body) {
    const { tools, messages, stream } = Body.parse(body)
    return {
      tools: tools.flatMap((tool) => tool.function?.name ?? []),
      results: messages.filter(({ role }) => role === 'tool'),
      isStreaming: stream
    }
  },
  answer: (turn, body, id) => ({
    ...envelope(body, id),
    object: 'chat.completion',
    choices: [{ index: 0, message: messageOf(turn, id), finish_reason: reasonOf(turn) }],
    usage: USAGE
  }),
  stream(turn, body, id) {
    const chunk = (delta: object, finish_reason: string | null, more: object = {}) => ({
      ...envelope(body, id),
      object: 'chat.completion.chunk',
      choices: [{ index: 0, delta, finish_reason }],
      ...more
    })
    return [
      { data: chunk(messageOf(turn, id), null) },
      { data: chunk({}, reasonOf(turn), { usage: USAGE }) },
      { data: '[DONE]' }
    ]
  }
}

const USAGE = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }

const envelope = (body: unknown, id: number) => ({
  id: `chatcmpl-${id}`,
  created: 1,
  model: Body.parse(body).model
})

const messageOf = (turn: ModelTurn, id: number) =>
  turn.kind === 'say'
    ? { role: 'assistant', content: turn.text }
    : {
        role: 'assistant',
        content: null,
        tool_calls: [
          {
            index: 0,
            id: `call_${id}`,
            type: 'function',
            function: { name: turn.tool, arguments: JSON.stringify(turn.args) }
          }
        ]
      }

const reasonOf = ({ kind }: ModelTurn) => (kind === 'call' ? 'tool_calls' : 'stop')
