import type { IncomingHttpHeaders } from 'node:http'
import * as z from 'zod'
import { type Operator, ROLES } from '../admin/operators.ts'

/**
 * Request: which operator asks, as the gateway with the operator's port has verified; base64url of JSON. It counts only over a
 * connection whose other end has shown a gateway's certificate.
 */
export const OPERATOR_HEADER = 'x-gateway-operator'

const PassedOperator = z.strictObject({
  name: z.string().max(32),
  role: z.enum(ROLES),
  actor: z.string().regex(/^(admin|operator:[a-z0-9._-]+)$/)
})

export const writeOperator = ({ name, role, actor }: Operator): string =>
  Buffer.from(JSON.stringify({ name, role, actor })).toString('base64url')

/** Undefined when it is missing or is not what a gateway writes. */
export function readOperator(headers: IncomingHttpHeaders): Operator | undefined {
  const text = headers[OPERATOR_HEADER]
  if (typeof text !== 'string') return undefined
  try {
    const { data } = PassedOperator.safeParse(JSON.parse(Buffer.from(text, 'base64url').toString()))
    // The token stays where it was shown.
    return data && { ...data, actor: data.actor as Operator['actor'], sha256: Buffer.alloc(0) }
  } catch {
    return undefined
  }
}
