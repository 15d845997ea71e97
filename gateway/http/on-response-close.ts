import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'

const waiting = new WeakMap<ServerResponse, (() => void)[]>()

/** Calls `fn` once when the response is over, for whatever reason; at once if it already is. In order. */
export function onResponseClose({ raw }: Pick<FastifyReply, 'raw'>, fn: () => void): void {
  if (raw.closed) {
    fn()
    return
  }
  const fns = waiting.get(raw)
  if (fns) fns.push(fn)
  else listen(raw, [fn])
}

/** One listener for all of them: many would look like a leak to Node. */
function listen(raw: ServerResponse, fns: (() => void)[]): void {
  waiting.set(raw, fns)
  raw.once('close', () => {
    waiting.delete(raw) // or small collections would keep the whole request
    for (const fn of fns) fn()
  })
}
