/** What the routes of the admin API have in common. */
import type { FastifyRequest } from 'fastify'
import * as z from 'zod'
import { GatewayError } from '#shared/errors.ts'
import type { Events } from '../telemetry/events.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Audit } from './audit.ts'

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
export function read<T>(schema: z.ZodType<T>, input: unknown): T {
  const { data, error } = schema.safeParse(input)
  if (data !== undefined) return data
  throw new GatewayError('ERR_BAD_REQUEST', z.prettifyError(error ?? new z.ZodError([])))
}

export function notFound(what: string, name: string): never {
  throw new GatewayError('ERR_NOT_FOUND', `There is no ${what} ${name}.`)
}

export const iso = (at: number): string => new Date(at).toISOString()

export interface ChangeParts {
  readonly audit: Audit
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
  const given = request.headers['x-reason']
  const reason = typeof given === 'string' ? given.slice(0, 500) : undefined
  const actor = request.operator?.actor ?? 'admin'
  await audit.note({ actor, action, target, reason, requestId: request.id })
  events.tell('admin', { actor, action, target, requestId: request.id })
  const result = await act()
  metrics.admin.inc({ action, result: 'ok' })
  return result
}
