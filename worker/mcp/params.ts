import { specTypeSchemas } from '@modelcontextprotocol/server'

/** The type of each request whose parameters a client can get wrong. */
const TYPES = {
  initialize: 'InitializeRequest',
  'tools/call': 'CallToolRequest',
  'tools/list': 'ListToolsRequest',
  'resources/list': 'ListResourcesRequest',
  'resources/read': 'ReadResourceRequest',
  'prompts/list': 'ListPromptsRequest',
  'prompts/get': 'GetPromptRequest',
  'logging/setLevel': 'SetLevelRequest',
  'completion/complete': 'CompleteRequest'
} as const

const isKnown = (method: string): method is keyof typeof TYPES => Object.hasOwn(TYPES, method)

/** What MCP 2026-07-28 has no more: there it is an unknown method, whatever its parameters. */
const REMOVED: ReadonlySet<string> = new Set(['initialize', 'logging/setLevel'])

/** More would help nobody. */
const MOST_MISTAKES = 5

/**
 * The messages as the SDK should see them: some clients (in Go, Java, C#) write null for what they leave out, or
 * the arguments as JSON text. Anything else is as it came.
 */
export function tidyParams(body: unknown): unknown {
  return Array.isArray(body) ? body.map(tidyMessage) : tidyMessage(body)
}

/** Whether it is a JSON-RPC 2.0 message, or several; what is in it is looked at later. */
export const isRpc = (body: unknown): boolean =>
  Array.isArray(body) ||
  (isObject(body) &&
    body.jsonrpc === '2.0' &&
    (typeof body.method === 'string' || 'result' in body || 'error' in body))

/**
 * What is wrong with a request's parameters, in one sentence; undefined when nothing is, or when it is for the
 * SDK to say. Its own words are a list of a validator's findings, made for programmers.
 */
export function mistakeIn(message: unknown, era: 'legacy' | 'modern'): string | undefined {
  if (!isObject(message) || typeof message.method !== 'string' || !isKnown(message.method))
    return undefined
  const { method, params } = message
  if (era === 'modern' && REMOVED.has(method)) return undefined
  if (params === undefined && method.endsWith('/list')) return undefined
  const result = specTypeSchemas[TYPES[method]]['~standard'].validate(message)
  if (!('issues' in result) || !result.issues) return undefined
  const mistakes = result.issues.slice(0, MOST_MISTAKES).map(describe)
  return `Wrong parameters for ${method}: ${mistakes.join('; ')}.`
}

function tidyMessage(message: unknown): unknown {
  if (!isObject(message) || typeof message.method !== 'string' || !('params' in message))
    return message
  const { params, ...others } = message
  if (params === null) return others
  if (!isObject(params)) return message
  const depth = message.method === 'initialize' ? INITIALIZE_DEPTH : 1
  const tidied = withoutNulls(params, depth)
  const parsed = typeof params.arguments === 'string' ? objectIn(params.arguments) : undefined
  return { ...others, params: parsed ? { ...tidied, arguments: parsed } : tidied }
}

/** What a client says of itself and of what it can do lies so deep in `initialize`. */
const INITIALIZE_DEPTH = 4

/** The same object where there is no null, which is nearly always. */
function withoutNulls(value: Record<string, unknown>, depth: number): Record<string, unknown> {
  const entries = Object.entries(value)
  const kept = entries.flatMap(([key, inner]): [string, unknown][] => {
    if (inner === null) return []
    return [[key, depth > 1 && isObject(inner) ? withoutNulls(inner, depth - 1) : inner]]
  })
  const isSame =
    kept.length === entries.length && kept.every(([key, inner]) => value[key] === inner)
  return isSame ? value : Object.fromEntries(kept)
}

function objectIn(text: string): object | undefined {
  try {
    const parsed: unknown = JSON.parse(text)
    return isObject(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}

function describe({
  path = [],
  message
}: {
  readonly path?: readonly unknown[] | undefined
  readonly message: string
}): string {
  const place = path
    .map((key) => (isObject(key) ? key.key : key))
    .slice(1)
    .join('.')
  const what = message.replace('Invalid input: ', '').replaceAll('record', 'object')
  if (what.endsWith('received undefined')) return `${place || 'params'} is missing`
  return `${place || 'params'}: ${what}`
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
