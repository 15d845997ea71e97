/** Google's generateContent and streamGenerateContent (ai.google.dev, Generating content). */
import * as z from 'zod'
import type { ModelTurn, ModelWire } from './wire.ts'

const Body = z.looseObject({
  contents: z
    .array(
      z.looseObject({
        parts: z.array(z.looseObject({ functionResponse: z.unknown().optional() })).default([])
      })
    )
    .default([]),
  tools: z
    .array(
      z.looseObject({
        functionDeclarations: z.array(z.looseObject({ name: z.string() })).default([])
      })
    )
    .default([])
})

export const gemini: ModelWire = {
  matches: (path) => /:(streamG|g)enerateContent$/.test(path),
  read(body, path) {
    const { tools, contents } = Body.parse(body)
    // What comes after a response in the same turn (images) belongs to it.
    const answered = contents.filter(({ parts }) =>
      parts.some(({ functionResponse }) => functionResponse !== undefined)
    )
    return {
      tools: tools.flatMap(({ functionDeclarations }) =>
        functionDeclarations.map(({ name }) => name)
      ),
      results: answered.map(({ parts }) => parts),
      isStreaming: path.includes('stream')
    }
  },
  answer: (turn, _body, id) => ({
    candidates: [
      { index: 0, content: { role: 'model', parts: [partOf(turn)] }, finishReason: 'STOP' }
    ],
    usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 },
    modelVersion: 'stand-in',
    responseId: `r${id}`
  }),
  stream: (turn, body, id) => [{ data: gemini.answer(turn, body, id) }]
}

const partOf = (turn: ModelTurn) =>
  turn.kind === 'call'
    ? { functionCall: { name: turn.tool, args: turn.args } }
    : { text: turn.text }
