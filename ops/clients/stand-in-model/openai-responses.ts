/** OpenAI's Responses API (platform.openai.com, Create a model response and its streaming events). */
import * as z from 'zod'
import type { ModelTurn, ModelWire } from './wire.ts'

const Tool = z.looseObject({
  type: z.string().default('function'),
  name: z.string().optional(),
  tools: z.array(z.looseObject({ name: z.string() })).optional()
})
const Body = z.looseObject({
  model: z.string().default('stand-in'),
  stream: z.boolean().default(false),
  tools: z.array(Tool).default([]),
  input: z.union([z.string(), z.array(z.looseObject({ type: z.string().optional() }))]).default([])
})

export const openaiResponses: ModelWire = {
  matches: (path) => path.endsWith('/responses'),
  read(body) {
    const { input, stream } = Body.parse(body)
    const items = typeof input === 'string' ? [] : input
    return {
      tools: namesIn(body).map(({ name }) => name),
      results: items.filter(({ type }) => type?.endsWith('_output')),
      isStreaming: stream
    }
  },
  answer: (turn, body, id) => response(turn, body, id),
  stream(turn, body, id) {
    const whole = response(turn, body, id)
    const item = itemOf(turn, body, id)
    const begun = turn.kind === 'call' ? { ...item, arguments: '' } : { ...item, content: [] }
    const at = { output_index: 0, item_id: item.id }
    const delta =
      turn.kind === 'call'
        ? {
            type: 'response.function_call_arguments.delta',
            ...at,
            delta: JSON.stringify(turn.args)
          }
        : { type: 'response.output_text.delta', ...at, content_index: 0, delta: turn.text }
    return [
      { type: 'response.created', response: { ...whole, status: 'in_progress', output: [] } },
      { type: 'response.output_item.added', output_index: 0, item: begun },
      delta,
      { type: 'response.output_item.done', output_index: 0, item },
      { type: 'response.completed', response: whole }
    ].map((data) => ({ event: data.type, data }))
  }
}

/** Tools by name, those inside namespaces too. */
const namesIn = (body: unknown): { name: string; namespace?: string }[] =>
  Body.parse(body).tools.flatMap(({ type, name, tools }) =>
    type === 'namespace' && tools
      ? tools.map((tool) => ({ name: tool.name, ...(name !== undefined && { namespace: name }) }))
      : [{ name: name ?? type }]
  )

function itemOf(turn: ModelTurn, body: unknown, id: number) {
  if (turn.kind === 'say')
    return {
      type: 'message',
      id: `msg_${id}`,
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: turn.text, annotations: [] }]
    }
  const namespace = namesIn(body).find(({ name }) => name === turn.tool)?.namespace
  return {
    type: 'function_call',
    id: `fc_${id}`,
    call_id: `call_${id}`,
    name: turn.tool,
    ...(namespace !== undefined && { namespace }),
    arguments: JSON.stringify(turn.args),
    status: 'completed'
  }
}

const response = (turn: ModelTurn, body: unknown, id: number) => ({
  id: `resp_${id}`,
  object: 'response',
  created_at: 1,
  status: 'completed',
  model: Body.parse(body).model,
  output: [itemOf(turn, body, id)],
  parallel_tool_calls: false,
  tool_choice: 'auto',
  tools: [],
  error: null,
  incomplete_details: null,
  instructions: null,
  metadata: {},
  usage: {
    input_tokens: 1,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: 1,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 2
  }
})
