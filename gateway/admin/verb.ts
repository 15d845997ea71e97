import * as z from 'zod'

/**
 * Something that an operator can see or do. Said once: the route, its description in OpenAPI and the command
 * `npm run admin` are made from it.
 */
export interface Verb<
  Params extends z.ZodObject = z.ZodObject,
  Query extends z.ZodObject = z.ZodObject,
  Answer extends z.ZodType = z.ZodType
> {
  /** OpenAPI's operationId; no other verb has it. */
  readonly id: string
  /** What it is called on a command line. */
  readonly command: string
  readonly tag: 'Sessions' | 'Calls' | 'Workers' | 'People' | 'Gateway'
  /** A GET changes nothing and takes the role `read`; everything else takes `admin`, and is audited. */
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  /** The same under another name. */
  readonly alias?: string
  /** One line, without a full stop. */
  readonly summary: string
  /** What it promises beyond its summary, whether it may be said twice. */
  readonly description: string
  /** Whether nothing brings back what it ends. */
  readonly isFinal?: boolean
  readonly params: Params
  readonly query: Query
  /** What is answered with 200. */
  readonly answer: Answer
  /** What the answer is when it is not JSON, or not only. */
  readonly stream?: { readonly type: string; readonly description: string }
}

/** Gives the verb back, with the types of its parts. */
export const defineVerb = <
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Answer extends z.ZodType
>(
  verb: Verb<Params, Query, Answer>
): Verb<Params, Query, Answer> => verb

export const nothing = z.strictObject({})

/** ISO 8601 in UTC. */
export const moment = z.iso.datetime()

/** How many of a list, and from where on. */
export const page = {
  limit: z.coerce.number().int().min(1).max(1000).default(100).describe('At most so many.'),
  cursor: z.string().max(255).optional().describe('`nextCursor` of the page before.')
}

export const nextCursor = z
  .string()
  .optional()
  .describe('Where the next page begins; absent on the last one.')

/** Of what each gateway has by itself. */
export const atNode = {
  node: z.string().max(300).optional().describe('Only at this gateway; at all of them, if absent.')
}

/** The gateway that has it: host and port of its PEER_URL, or the name of its machine. */
export const node = z.string().describe('The gateway that has it.')

export const unreached = z
  .array(z.string())
  .optional()
  .describe('Gateways that did not answer: what they have is not in here.')

/** A call that was in flight when something was ended. */
export const EndedCall = z.strictObject({
  method: z.string(),
  tool: z.string().nullable(),
  startedAt: moment
})

export const Failure = z.strictObject({
  error: z.strictObject({
    code: z.string().describe('Stays the same from version to version, such as ERR_NOT_FOUND.'),
    message: z.string().describe('What is wrong, for a person.'),
    requestId: z.string().describe('The request’s name in the log and in the audit.')
  })
})
