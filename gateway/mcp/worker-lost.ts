import type { ServerResponse } from 'node:http'
import { GatewayError } from '#shared/errors.ts'
import { errorEvent, noteFailure, rpcErrorOf } from '../http/json-rpc-error.ts'
import type { Exchange } from '../relay/exchange.ts'
import type { ResumableAnswer } from '../relay/resumable-answer.ts'

/** A worker's last reports may still be on their way when its socket breaks; they come before its end. */
const LAST_WORDS_MS = 2000
/** When the worker lives and the exchange was ended from outside, its report is at most this far behind. */
const REPORT_MS = 200

/** Why an exchange ended without its worker's answer. */
export const workerGone = (): GatewayError =>
  new GatewayError(
    'ERR_WORKER_GONE',
    'The process that served this account stopped during the call. Whether the call took effect is not known; the next call gets a new process.',
    { retryAfter: 1 }
  )

/** Resolves when all that the worker had to report about its calls has arrived. */
export async function awaitFinalReports(exchange: Exchange): Promise<void> {
  const { aborted } = exchange.abort.signal
  if (aborted && (exchange.isRead || exchange.calls.length > 0)) return
  let timer: NodeJS.Timeout | undefined
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, aborted ? REPORT_MS : LAST_WORDS_MS)
  })
  await Promise.race([exchange.worker.gone, enough])
  clearTimeout(timer)
}

/** The last events of a stream that has begun: one JSON-RPC error for each call it was to answer. */
export function writeErrors(
  to: ServerResponse,
  exchange: Exchange,
  kept: ResumableAnswer | undefined,
  error: GatewayError
): void {
  const { request } = exchange.reply
  noteFailure(request, error)
  for (const { rpcId } of exchange.calls) {
    const event = errorEvent(rpcErrorOf(error, rpcId, request.id), kept?.toldEventId)
    kept?.add(Buffer.from(event), false)
    if (!to.destroyed) to.write(event)
  }
}

/** The id to name in an answer of its own; null when there are none or several (JSON-RPC 2.0 §5). */
export function onlyRequestId(exchange: Exchange): string | number | null {
  const [only, ...others] = exchange.calls
  return only && others.length === 0 ? only.rpcId : null
}
