/** What happens in the life of people, sessions, workers and calls. */
export type EventType =
  | 'account' // a person, or Google, changed something of an account: sign-in, consent, tokens, sign-out
  | 'admin' // an operator changed something
  | 'call_failed'
  | 'gmail_failed' // one request to Gmail; the call may have gone well in the end
  | 'lease_lost' // another gateway runs this person's worker now
  | 'lease_released'
  | 'lease_taken'
  | 'operator_refused'
  | 'reauth_required' // Google no longer accepts an account's grant
  | 'session_ended'
  | 'session_resumed' // put back into a worker, or not
  | 'session_started'
  | 'worker_ended'
  | 'worker_failed' // to become ready
  | 'worker_ready'

/** Names, numbers and our own ids; never a token, a session id, an address or a word of a mail. */
export interface EventFields {
  readonly userId?: string | undefined
  readonly [name: string]: string | number | null | undefined
}

export interface LifeEvent {
  readonly type: EventType
  /** ISO 8601. */
  readonly at: string
  readonly fields: EventFields
}
