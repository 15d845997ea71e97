import { ANSWER_FORM_HEADER } from '#shared/internal-headers.ts'

/**
 * The answer in the one form that the client takes. A transport of the SDK answers in the form that it was
 * made for and refuses clients that do not name both; this gives them what they can read. Errors are JSON
 * for everybody.
 */
export async function inForm(request: Request, response: Response): Promise<Response> {
  const wanted = request.headers.get(ANSWER_FORM_HEADER)
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true
  if (wanted === 'json' && isStream) return asJson(response)
  if (wanted === 'stream' && !isStream && response.status === 200) return asStream(response)
  return response
}

/** Waits for the end of the stream: what is not an answer, such as progress, has no place in JSON. */
async function asJson(response: Response): Promise<Response> {
  const events = (await response.text()).split('\n\n').flatMap(dataOf)
  const answers = events.map((data): unknown => JSON.parse(data)).filter(isAnswer)
  const body = answers.length === 1 ? answers[0] : answers
  return Response.json(body, { headers: without(response.headers) })
}

async function asStream(response: Response): Promise<Response> {
  const messages: unknown = await response.json()
  const text = [messages]
    .flat()
    .map((message) => `event: message\ndata: ${JSON.stringify(message)}\n\n`)
    .join('')
  const headers = without(response.headers)
  headers.set('content-type', 'text/event-stream')
  headers.set('cache-control', 'no-cache, no-transform')
  return new Response(text, { headers })
}

const dataOf = (event: string): string[] => /^data: ?(.+)$/m.exec(event)?.slice(1) ?? []

const isAnswer = (message: unknown): boolean =>
  typeof message === 'object' && message !== null && ('result' in message || 'error' in message)

/** What says something of the session, and nothing of the form that is given up. */
function without(headers: Headers): Headers {
  const kept = new Headers(headers)
  for (const name of ['content-type', 'content-length', 'cache-control', 'connection'])
    kept.delete(name)
  return kept
}
