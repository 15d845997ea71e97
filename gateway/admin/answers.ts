/** What the routes of the admin API have in common. */
import { isUtf8 } from 'node:buffer'
import type { FastifyRequest } from 'fastify'
import * as z from 'zod'
import { GatewayError } from '#shared/errors.ts'
import type { Exchange } from '../relay/exchange.ts'
import type { Events } from '../telemetry/events.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Audit } from './audit.ts'
import type { EndedCall } from './verb.ts'

/** What an operator may change; the names that the audit and the metric have for it. */
export type AdminAction =
  | 'end_session'
  | 'end_sessions'
  | 'stop_worker'
  | 'kill_calls'
  | 'block'
  | 'unblock'
  | 'revoke_client'
  | 'revoke_token'
  | 'erase'
  | 'drain'
  | 'undrain'
  | 'recycle'
  | 'reload'

/** Throws ERR_BAD_REQUEST with what is wrong and where. */
export function read<S extends z.ZodType>(schema: S, input: unknown): z.output<S> {
  const { data, error } = schema.safeParse(input)
  if (data !== undefined) return data
  throw new GatewayError('ERR_BAD_REQUEST', z.prettifyError(error ?? new z.ZodError([])))
}

export function notFound(what: string, name: string): never {
  throw new GatewayError('ERR_NOT_FOUND', `There is no ${what} ${name}.`)
}

export const iso = (at: number): string => new Date(at).toISOString()

/** The calls of what was ended. */
export const endedCalls = (exchanges: readonly Exchange[]): z.infer<typeof EndedCall>[] =>
  exchanges.flatMap(({ calls, startedAt }) =>
    calls.map(({ method, tool }) => ({ method, tool: tool ?? null, startedAt: iso(startedAt) }))
  )

export interface ChangeParts {
  readonly audit: Pick<Audit, 'note'>
  readonly metrics: Pick<Metrics, 'admin'>
  readonly events: Events
}

/** Writes down what this operator is about to do, and why, then does it. */
export async function change<T>(
  { audit, metrics, events }: ChangeParts,
  request: FastifyRequest,
  { action, target }: { readonly action: AdminAction; readonly target: string },
  act: () => Promise<T>
): Promise<T> {
  const reason = reasonIn(request.headers['x-reason'])
  const actor = request.operator?.actor ?? 'admin'
  await audit.note({ actor, action, target, reason, requestId: request.id })
  events.tell('admin', { actor, action, target, requestId: request.id })
  const result = await act()
  metrics.admin.inc({ action, result: 'ok' })
  return result
}

const MOST_REASON = 500

/**
 * Why, in the operator's words. Node gives a header's bytes as ISO 8859-1 (RFC 9110 §5.5 leaves others opaque);
 * terminals and our own clients send UTF-8.
 */
function reasonIn(given: string | string[] | undefined): string | undefined {
  if (typeof given !== 'string' || given === '') return undefined
  const bytes = Buffer.from(given, 'latin1')
  const text = isUtf8(bytes) ? bytes.toString('utf8') : given
  return text.slice(0, MOST_REASON)
}
