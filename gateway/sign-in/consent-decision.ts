import * as z from 'zod'
import { AccessLevel } from '#shared/access-levels.ts'

/** What a person's form says who was asked: the level to allow, or no. */
export const Decision = z.discriminatedUnion('decision', [
  z.object({ decision: z.literal('allow'), level: AccessLevel }),
  z.object({ decision: z.literal('deny') })
])
