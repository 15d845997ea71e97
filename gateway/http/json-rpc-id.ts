import { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import { type PeekedBody, peekBody } from './peek-body.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The body as far as it was looked at; null before that. */
    peeked: PeekedBody | null
  }
}

/** Who is refused waits no longer than this for a body that does not come. */
const PATIENCE_MS = 500

/** Looks at the request's body, once. Rejects as `peekBody`. */
export async function peekAt(request: FastifyRequest): Promise<PeekedBody> {
  const { body, raw, headers } = request
  request.peeked ??= await peekBody(body instanceof Readable ? body : raw, headers)
  return request.peeked
}

/**
 * The JSON-RPC id that an error should carry (JSON-RPC 2.0 §5): that of the request, if it can be read without
 * much ado. Never rejects.
 */
export async function jsonRpcIdOf(request: FastifyRequest): Promise<string | number | null> {
  if (request.peeked) return request.peeked.rpcId
  const { body, raw, method } = request
  const from = body instanceof Readable ? body : raw
  if (method !== 'POST' || from.readableDidRead || from.destroyed) return null
  let timer: NodeJS.Timeout | undefined
  const enough = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, PATIENCE_MS, null)
  })
  const read = peekAt(request).then(
    ({ rpcId }) => rpcId,
    () => null
  )
  const id = await Promise.race([read, enough])
  clearTimeout(timer)
  return id
}
