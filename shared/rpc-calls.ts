/** A JSON-RPC request that was read out of an HTTP request. */
export interface RpcCall {
  readonly rpcId: string | number
  readonly method: string
  /** Of `tools/call`. */
  readonly tool: string | undefined
}

/** A client may use any names; nobody needs more of them than this. */
export const MOST_NAME = 1000

/** The requests in a parsed body: one message, or a batch of them. What is no request is left out. */
export function callsIn(body: unknown): RpcCall[] {
  return Array.isArray(body) ? body.flatMap(callOf) : callOf(body)
}

function callOf(message: unknown): RpcCall[] {
  if (!isObject(message)) return []
  const { id, method, params } = message
  if (typeof method !== 'string') return []
  if (typeof id !== 'string' && typeof id !== 'number') return []
  const name = method === 'tools/call' && isObject(params) ? params.name : undefined
  const tool = typeof name === 'string' ? name.slice(0, MOST_NAME) : undefined
  return [{ rpcId: id, method: method.slice(0, MOST_NAME), tool }]
}

/** Whether a parsed value has members. */
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null
