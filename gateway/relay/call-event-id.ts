/** What the id of the event that begins an answer stream says, so that any gateway can tell what became of the call. */
export interface CallEventId {
  /** `Exchange.id`. */
  readonly exchange: string
  /** The tag of the gateway that serves the call. */
  readonly node: string
  /** The JSON-RPC id of the call. */
  readonly rpcId: string | number
  /** Its client has been told how it ended. */
  readonly isTold: boolean
}

/** Headers are bounded, and clients send it back in one. */
const LONGEST = 512
const FORM = /^call\.([\da-f-]{36})\.([\w-]{8})\.([\w-]{1,400})(\.told)?$/

/** Undefined for a JSON-RPC id that is too long to be sent back in a header. */
export function writeCallEventId(call: Omit<CallEventId, 'isTold'>): string | undefined {
  const id = Buffer.from(JSON.stringify(call.rpcId)).toString('base64url')
  const text = `call.${call.exchange}.${call.node}.${id}`
  return FORM.test(text) ? text : undefined
}

/** The same, of a client that has been told how the call ended. */
export const toldId = (eventId: string): string => eventId.replace(/(\.told)?$/, '.told')

/** What a client has sent back as `Last-Event-ID`; undefined where that is no id of a call. Unchecked but for its form. */
export function readCallEventId(text: string | string[] | undefined): CallEventId | undefined {
  if (typeof text !== 'string' || text.length > LONGEST) return undefined
  const [, exchange, node, id, told] = FORM.exec(text) ?? []
  if (exchange === undefined || node === undefined || id === undefined) return undefined
  const rpcId = rpcIdIn(id)
  return rpcId === undefined ? undefined : { exchange, node, rpcId, isTold: told !== undefined }
}

function rpcIdIn(text: string): string | number | undefined {
  try {
    const id: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
    return typeof id === 'string' || typeof id === 'number' ? id : undefined
  } catch {
    return undefined
  }
}
