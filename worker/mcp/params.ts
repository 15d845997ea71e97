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
 * The messages as the SDK should see them: some clients write null for what they leave out, or the arguments
 * as JSON text. Anything else is as it came.
 */
export function tidyParams(body: unknown): unknown {
  return Array.isArray(body) ? body.map(tidyMessage) : tidyMessage(body)
}

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
  if (!isObject(message) || message.method !== 'tools/call' || !isObject(message.params))
    return message
  const { arguments: given, ...others } = message.params
  if (given === null) return { ...message, params: others }
  const parsed = typeof given === 'string' ? objectIn(given) : undefined
  return parsed ? { ...message, params: { ...others, arguments: parsed } } : message
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
