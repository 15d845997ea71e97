import * as z from 'zod'
import { Failure } from '../../gateway/admin/verb.ts'
import type { Connection } from './connection.ts'
import { EXIT, Failed, json, saying, type Voice } from './failed.ts'
import type { AskedFor } from './request.ts'
import { inWords } from './tables.ts'

const PAGE = '500'
const Paged = z.looseObject({
  nextCursor: z.string().optional(),
  unreached: z.array(z.string()).optional()
})
const Ready = z.looseObject({ ready: z.boolean() })

/** Does what was asked for, and says what came of it; answers the exit code. Throws Failed. */
export async function perform(
  request: AskedFor,
  connection: Connection,
  voice: Voice
): Promise<number> {
  const { command, path, query, reason, isJson } = request
  if (isWholeList(request)) {
    const all = await everyPage(request, connection)
    voice.say(isJson ? json(all, 2) : inWords(command.id, all))
    return 0
  }
  const response = await connection.ask(command.method, path, { query, reason })
  const type = response.headers.get('content-type') ?? ''
  if (response.ok && !type.startsWith('application/json'))
    return pour(response, type, isJson, voice)
  const body: unknown = await response.json().catch(() => undefined)
  const isReport = Ready.safeParse(body).success
  if (!response.ok && !isReport) throw refusal(response.status, body)
  voice.say(isJson || command.id === 'describeApi' ? json(body, 2) : inWords(command.id, body))
  if (!isJson) tellOfMore(body, voice)
  return response.ok ? 0 : EXIT.refused
}

/** Lists of what is there now are given whole; the audit, which only grows, a page at a time. */
const isWholeList = ({ command: { id }, query }: AskedFor): boolean =>
  ['listUsers', 'listSessions'].includes(id) &&
  query.limit === undefined &&
  query.cursor === undefined

async function everyPage({ command, path, query }: AskedFor, connection: Connection) {
  const found: Record<string, unknown[]> = {}
  for (let cursor: string | undefined; ; ) {
    const asked = { ...query, limit: PAGE, ...(cursor !== undefined && { cursor }) }
    const response = await connection.ask(command.method, path, { query: asked })
    const body: unknown = await response.json().catch(() => undefined)
    if (!response.ok) throw refusal(response.status, body)
    const { nextCursor, unreached, ...lists } = Paged.parse(body)
    if (unreached) found.unreached = unreached
    for (const [name, list] of Object.entries(lists))
      found[name] = [...(found[name] ?? []), ...z.array(z.unknown()).parse(list)]
    if (nextCursor === undefined) return found
    cursor = nextCursor
  }
}

function tellOfMore(body: unknown, voice: Voice): void {
  const { data } = Paged.safeParse(body)
  if (data?.nextCursor !== undefined)
    voice.note(`There is more: say it again with --cursor ${saying(data.nextCursor)}.`)
}

function refusal(status: number, body: unknown): Failed {
  const { data } = Failure.safeParse(body)
  const said = data
    ? `${data.error.message} (${data.error.code})`
    : `The gateway answered ${status}.`
  if (status === 401)
    return new Failed('forbidden', `${said} Set OPERATOR_TOKEN_FILE or ADMIN_TOKEN_FILE.`)
  if (status === 403 || status === 429) return new Failed('forbidden', said)
  return new Failed(status === 404 ? 'missing' : 'refused', said)
}

/** Gives on what comes, as it comes: metrics, lines of the audit, events. */
async function pour(
  response: Response,
  type: string,
  isJson: boolean,
  voice: Voice
): Promise<number> {
  const isEvents = type.startsWith('text/event-stream')
  try {
    for await (const line of linesOf(response)) {
      if (!isEvents) voice.say(saying(line))
      else if (line.startsWith(DATA)) voice.say(eventIn(line.slice(DATA.length), isJson))
    }
  } catch {
    throw new Failed('unavailable', 'The gateway has ended the answer.')
  }
  return 0
}

const DATA = 'data: '

const eventIn = (data: string, isJson: boolean): string =>
  isJson ? saying(data) : inWords('event', JSON.parse(data))

async function* linesOf({ body }: Response): AsyncGenerator<string> {
  let text = ''
  for await (const chunk of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk
    const lines = text.split('\n')
    text = lines.pop() ?? ''
    yield* lines
  }
  if (text !== '') yield text
}
