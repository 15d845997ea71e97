/** How a call ended. The last five must not happen. */
export type Outcome =
  | 'answered'
  | 'failed' // the tool said, under the call's own id, that Google or the machine did not do its part
  | 'refused' // a JSON-RPC error of the gateway, under the call's own id or none
  | 'unreachable' // the gateway was down, or died during the call
  | 'aborted' // by the client itself
  | 'listened' // an event stream was open until somebody ended it
  | 'misrouted' // the answer was somebody else's, or to another question
  | 'lost' // the session is not known any more
  | 'silent' // the answer ended without a message
  | 'strange' // anything else
  | 'hung'

export const MUST_NOT_BE = ['misrouted', 'lost', 'silent', 'strange', 'hung'] as const

export type Report = (outcome: Outcome, detail: string) => void

/** `fetch` tells of every broken or refused connection in this way. */
export const isNetwork = (error: unknown): boolean =>
  error instanceof TypeError && /fetch failed|terminated/.test(error.message)
