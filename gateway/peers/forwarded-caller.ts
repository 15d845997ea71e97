import type { IncomingHttpHeaders } from 'node:http'
import * as z from 'zod'
import { AccessLevel } from '#shared/access-levels.ts'
import { asUserId } from '#shared/ids.ts'
import { CREDENTIALS } from '#shared/internal-headers.ts'
import type { Caller } from '../accounts/bearer-tokens.ts'

/**
 * Request: who calls, as the gateway that was asked has verified it; base64url of JSON. It counts only over a connection
 * whose other end has shown a gateway's certificate: the public port reads no such field.
 */
export const CALLER_HEADER = 'x-gateway-caller'
/** Answer: this gateway has not begun to serve the request, and another one may. */
export const ELSEWHERE_HEADER = 'x-gateway-elsewhere'

/** Names of clients are addresses at times, and those are bounded. */
const LONGEST = 8192

const PassedMailbox = z.strictObject({
  userId: z.string().min(1).max(255).transform(asUserId),
  email: z.string().max(320),
  level: AccessLevel
})

const PassedCaller = z.strictObject({
  userId: z.string().min(1).max(255).transform(asUserId),
  person: z.string().min(1).max(255).transform(asUserId).optional(),
  several: z.tuple([PassedMailbox], PassedMailbox).optional(),
  clientId: z.string().max(2048),
  level: AccessLevel.optional(),
  credential: z.enum(CREDENTIALS),
  accessId: z.string().max(255),
  grantId: z.string().max(255).optional(),
  expiresAt: z.number()
})

export function writeCaller(caller: Caller): string {
  const { userId, person, clientId, level, credential, accessId, grantId, expiresAt } = caller
  const several = caller.several?.map(({ userId, email, level }) => ({ userId, email, level }))
  const told = {
    ...{ userId, person, several, clientId, level, credential, accessId, grantId, expiresAt }
  }
  return Buffer.from(JSON.stringify(told)).toString('base64url')
}

/** Undefined when it is missing or is not what a gateway writes. */
export function readCaller(headers: IncomingHttpHeaders): Caller | undefined {
  const text = headers[CALLER_HEADER]
  if (typeof text !== 'string' || text.length > LONGEST) return undefined
  try {
    const { data } = PassedCaller.safeParse(JSON.parse(Buffer.from(text, 'base64url').toString()))
    return data && { ...data, level: data.level, grantId: data.grantId }
  } catch {
    return undefined
  }
}
