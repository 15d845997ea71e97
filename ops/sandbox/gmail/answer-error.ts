import type { FastifyReply } from 'fastify'
import * as z from 'zod'
import { GoogleError, unknownUrlPage } from '../google-error.ts'

/** Answers any error in Google's shape; `onFailure` is told of those that are the sandbox's own mistakes. */
export function answerError(
  error: unknown,
  reply: FastifyReply,
  onFailure: (error: unknown) => void
): FastifyReply {
  const refusal = error instanceof GoogleError ? error : toRefusal(statusOf(error))
  if (refusal === undefined) {
    return reply.code(400).type('text/html').send(unknownUrlPage(400))
  }
  if (refusal !== error && refusal.statusCode >= 500) onFailure(error)
  return reply.code(refusal.statusCode).headers(refusal.headers).send(refusal.toJSON())
}

/** Undefined for what Google's front end refuses before any API sees it. */
function toRefusal(status: number): GoogleError | undefined {
  if (status === 413) return new GoogleError('uploadTooLarge', 'Request Entity Too Large')
  if (status < 500) return undefined
  return new GoogleError('internalError', 'Internal error encountered.')
}

const Status = z.looseObject({ statusCode: z.int().default(500) }).catch({ statusCode: 500 })
const statusOf = (error: unknown) => Status.parse(error).statusCode
