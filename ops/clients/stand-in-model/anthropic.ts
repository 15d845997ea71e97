/** Anthropic's Messages API (docs.claude.com, Messages and Streaming Messages). */
import * as z from 'zod'
import type { ModelTurn, ModelWire } from './wire.ts'

const Block = z.looseObject({ type: z.string() })
const Body = z.looseObject({
  model: z.string().default('stand-in'),
  stream: z.boolean().default(false),
  tools: z.array(z.looseObject({ name: z.string() })).default([]),
  messages: z.array(z.looseObject({ content: z.union([z.string(), z.array(Block)]) })).default([])
})

export const anthropic: ModelWire = {
  matches: (path) => path.endsWith('/messages'),
  read(body) {
    const { tools, messages, stream } = Body.parse(body)
    const blocks = messages.flatMap(({ content }) => (typeof content === 'string' ? [] : content))
    return {
      tools: tools.map(({ name }) => name),
      results: blocks.filter(({ type }) => type === 'tool_result'),
      isStreaming: stream
    }
  },
  answer: (turn, body, id) => ({
    ...envelope(body, id),
    content: [blockOf(turn, id)],
    stop_reason: reasonOf(turn)
  }),
  stream(turn, body, id) {
    const start =
      turn.kind === 'call' ? { ...blockOf(turn, id), input: {} } : { type: 'text', text: '' }
    const delta =
      turn.kind === 'call'
        ? { type: 'input_json_delta', partial_json: JSON.stringify(turn.args) }
        : { type: 'text_delta', text: turn.text }
    return [
      { type: 'message_start', message: envelope(body, id) },
      { type: 'content_block_start', index: 0, content_block: start },
      { type: 'content_block_delta', index: 0, delta },
      { type: 'content_block_stop', index: 0 },
      {
        type: 'message_delta',
        delta: { stop_reason: reasonOf(turn), stop_sequence: null },
        usage: { output_tokens: 1 }
      },
      { type: 'message_stop' }
    ].map((data) => ({ event: data.type, data }))
  }
}

const envelope = (body: unknown, id: number) => ({
  id: `msg_${id}`,
  type: 'message',
  role: 'assistant',
  model: Body.parse(body).model,
  content: [],
  stop_reason: null,
  stop_sequence: null,
  usage: { input_tokens: 1, output_tokens: 1 }
})

const blockOf = (turn: ModelTurn, id: number) =>
  turn.kind === 'call'
    ? { type: 'tool_use', id: `toolu_${id}`, name: turn.tool, input: turn.args }
    : { type: 'text', text: turn.text }

const reasonOf = ({ kind }: ModelTurn) => (kind === 'call' ? 'tool_use' : 'end_turn')
