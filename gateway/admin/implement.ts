import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import * as z from 'zod'
import { GatewayError } from '#shared/errors.ts'
import { read } from './answers.ts'
import { Failure, type Verb } from './verb.ts'

/** What a verb is asked with: checked, and in its own types. */
export interface Asked<Params, Query> {
  readonly params: Params
  readonly query: Query
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

/** What a route answers; one that streams has sent its answer itself. */
type Answered<Answer> = Promise<Answer | FastifyReply>

/** Registers the route of a verb, with its description. What does not fit the verb's schemas gets ERR_BAD_REQUEST. */
export function implement<
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Answer extends z.ZodType
>(
  app: FastifyInstance,
  verb: Verb<Params, Query, Answer>,
  act: (asked: Asked<z.output<Params>, z.output<Query>>) => Answered<z.input<Answer>>
): void {
  const { method, path, alias } = verb
  const paths = alias === undefined ? [path] : [path, alias]
  for (const url of paths)
    app.route({
      method,
      url,
      schema: describe(verb, url),
      handler: async (request, reply) =>
        act({
          params: read(verb.params, request.params),
          query: read(verb.query, notEmpty(request.query)),
          request,
          reply
        })
    })
}

/**
 * An empty parameter is mostly a variable of a script that was not set. Taken as 0, or as absent, it would choose more
 * than was meant.
 */
function notEmpty(query: unknown): unknown {
  const [empty] = Object.entries(query ?? {}).filter(([, value]) => String(value).trim() === '')
  if (empty === undefined) return query
  throw new GatewayError(
    'ERR_BAD_REQUEST',
    `${empty[0]} is empty: give it a value, or leave it out.`
  )
}

/** A schema of zod as JSON Schema 2020-12, which OpenAPI 3.1 has inside. */
export function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io,
    override({ jsonSchema: made }) {
      if (made.format !== undefined) delete made.pattern // the format says the same, for people
    }
  })
  return rest
}

const FAILURES = {
  400: 'A parameter is missing, wrong or not known.',
  401: 'No token, or one that nobody has.',
  403: 'The token’s role does not allow it, or the Host is not served.',
  404: 'There is nothing by this name.',
  429: 'Too many wrong tokens came from this address.',
  500: 'The request failed; the log says why.',
  503: 'The database cannot be used now.'
}

/** As @fastify/swagger wants it, beside what Fastify itself knows of a route. */
function describe(verb: Verb, url: string): object {
  const { id, command, tag, summary, description, method, params, query } = verb
  const isChange = method !== 'GET'
  const isAlias = url === verb.alias
  return {
    operationId: isAlias ? `${id}Short` : id,
    tags: [tag],
    summary,
    description,
    'x-role': isChange ? 'admin' : 'read',
    ...(!isAlias && { 'x-command': command }),
    ...(Object.keys(params.shape).length > 0 && { params: jsonSchema(params, 'input') }),
    ...(Object.keys(query.shape).length > 0 && { querystring: jsonSchema(query, 'input') }),
    ...(isChange && { headers: REASON }),
    response: {
      200: { description: 'Done, or what was asked for.', content: contentOf(verb) },
      ...Object.fromEntries(
        Object.entries(FAILURES).map(([status, said]) => [
          status,
          { description: said, content: { 'application/json': { schema: FAILURE } } }
        ])
      )
    }
  }
}

function contentOf({ answer, stream }: Verb): object {
  const json =
    answer instanceof z.ZodString
      ? {}
      : { 'application/json': { schema: jsonSchema(answer, 'output') } }
  return {
    ...json,
    ...(stream && {
      [stream.type]: { schema: { type: 'string', description: stream.description } }
    })
  }
}

const FAILURE = jsonSchema(Failure, 'output')
const REASON = {
  type: 'object',
  properties: {
    'x-reason': {
      type: 'string',
      maxLength: 500,
      description: 'Why; the audit keeps it. UTF-8.'
    }
  }
}
