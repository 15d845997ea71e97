import type { JSONRPCRequest } from '@modelcontextprotocol/server'

/** The most usual requests of a session. Of all others, the SDK's transport says what there is to say. */
const KEYS: Readonly<Record<string, ReadonlySet<string>>> = {
  'tools/call': new Set(['name', 'arguments', '_meta']),
  'tools/list': new Set(['cursor', '_meta']),
  ping: new Set(['_meta'])
}
const MESSAGE_KEYS: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'method', 'params'])
/** What it has below this name means something to the protocol. */
const RESERVED = 'io.modelcontextprotocol/'

/**
 * The message of a body if it is one of the usual requests and nothing about it needs a second look: what passes here
 * also passes the schemas of MCP 2025-11-25 (and earlier), unchanged. Undefined for everything else, right or wrong.
 */
export function plainRequest(body: unknown): JSONRPCRequest | undefined {
  return isPlain(body) ? body : undefined
}

function isPlain(body: unknown): body is JSONRPCRequest {
  if (!isObject(body) || !hasOnly(body, MESSAGE_KEYS) || body.jsonrpc !== '2.0') return false
  const { id, method, params } = body
  if (!isId(id) || typeof method !== 'string' || !Object.hasOwn(KEYS, method)) return false
  if (params === undefined) return method !== 'tools/call'
  if (!isObject(params) || !hasOnly(params, KEYS[method] ?? NONE)) return false
  if (!isPlainMeta(params._meta)) return false
  if (method !== 'tools/call') return isAbsentOr(params, 'cursor', isString)
  return isString(params.name) && isAbsentOr(params, 'arguments', isObject)
}

const NONE: ReadonlySet<string> = new Set()

function isPlainMeta(meta: unknown): boolean {
  if (meta === undefined) return true
  if (!isObject(meta)) return false
  if (Object.keys(meta).some((key) => key.startsWith(RESERVED))) return false
  return isAbsentOr(meta, 'progressToken', isId)
}

const isAbsentOr = (
  object: Readonly<Record<string, unknown>>,
  key: string,
  isRight: (value: unknown) => boolean
): boolean => object[key] === undefined || isRight(object[key])

const hasOnly = (object: object, keys: ReadonlySet<string>): boolean =>
  Object.keys(object).every((key) => keys.has(key))

const isId = (id: unknown): boolean => typeof id === 'string' || Number.isSafeInteger(id)

const isString = (value: unknown): value is string => typeof value === 'string'

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
