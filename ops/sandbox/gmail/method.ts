import type * as z from 'zod'
import type { Delivery } from '../mailbox/delivery.ts'
import type { Mailbox } from '../mailbox/mailbox.ts'
import type { Showing } from './message-resource.ts'

/** What a method works with besides its own input. */
export interface GmailContext {
  readonly mailbox: Mailbox
  readonly postOffice: Delivery
  readonly showing: Showing
  /** What the caller's token allows. */
  readonly scopes: ReadonlySet<string>
  /** Milliseconds since the epoch. */
  readonly now: number
}

export interface GmailCall<Query, Body> extends GmailContext {
  /** The path's variable parts. */
  readonly params: Readonly<Record<string, string>>
  readonly query: Query
  readonly body: Body
  /** The message of an upload; undefined when the request was plain JSON. */
  readonly media: Buffer | undefined
}

/** One method of the Gmail API. */
export interface GmailMethod<Query = unknown, Body = unknown> {
  /** As in Google's reference, without `gmail.users.` */
  readonly name: string
  readonly verb: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Under `/gmail/v1/users/{userId}/`. */
  readonly path: string
  readonly anyOf: readonly string[]
  /** Quota units. */
  readonly units: number
  readonly query?: z.ZodType<Query>
  readonly body?: z.ZodType<Body>
  /** Bytes of the largest message, for methods that take one, by `/upload/` too. */
  readonly maxUpload?: number
  /** Answers with a resource; undefined is `204 No Content`. */
  serve(call: GmailCall<Query, Body>): object | undefined
}

/**
 * Ties the schemas of a method to the input that its `serve` gets. The casts hold because whoever calls `serve`
 * has put the input through those schemas.
 */
export function defineMethod<Query, Body>(method: GmailMethod<Query, Body>): GmailMethod {
  return {
    ...method,
    serve: (call) => method.serve({ ...call, query: call.query as Query, body: call.body as Body })
  } as GmailMethod
}
