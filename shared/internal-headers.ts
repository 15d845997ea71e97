/** The private HTTP headers between gateway and worker. None of them ever reaches a client. */
import * as z from 'zod'
import { AccessLevel } from './access-levels.ts'

/** Request: the gateway's name for this HTTP request; repeated in `call` messages. */
export const REQUEST_ID_HEADER = 'x-request-id'
/** Request: its name as its client, the log and the audit have it; told in errors. */
export const SHOWN_ID_HEADER = 'x-shown-request-id'
/** Request: present when each call in it is to be reported for a trace. */
export const TRACED_HEADER = 'x-traced'
/** Request: present when the gateway has not read the body, and wants to hear of each call in it. */
export const UNREAD_HEADER = 'x-unread'
/** Request: what the verified bearer token allows, as JSON of `Principal`. */
export const PRINCIPAL_HEADER = 'x-principal'
/** Request: the one form in which the client takes an answer, `json` or `stream`; absent when it takes both. */
export const ANSWER_FORM_HEADER = 'x-answer-form'
/** How a caller proved who it is: a token that can be renewed with more access, one that cannot, or its session alone. */
export const CREDENTIALS = ['oauth', 'personal', 'session'] as const

/** The bearer token's claims, without the token. */
export const Principal = z.object({
  clientId: z.string(),
  credential: z.enum(CREDENTIALS),
  /** Absent for somebody who has not signed in. */
  level: AccessLevel.optional(),
  /** The addresses of the mailboxes that its connection uses, when that is more than one; the first is the default. */
  mailboxes: z.array(z.string()).optional(),
  /** Seconds since the epoch. */
  expiresAt: z.number()
})
export type Principal = z.infer<typeof Principal>
