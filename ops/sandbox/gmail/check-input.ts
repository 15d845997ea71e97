import * as z from 'zod'
import { GoogleError, invalid } from '../google-error.ts'

/** The parameters that every method of every Google API takes, by what they hold. */
const SystemQuery = z.object({
  fields: z.string().optional(),
  uploadType: z.string().optional(),
  upload_id: z.string().optional()
})

const SYSTEM_PARAMETERS = new Set([
  ...Object.keys(SystemQuery.shape),
  '$.xgafv',
  'access_token',
  'alt',
  'callback',
  'key',
  'oauth_token',
  'prettyPrint',
  'quotaUser',
  'upload_protocol'
])

export const readSystemQuery = (query: unknown) => SystemQuery.parse(query)

/** A method's own parameters, checked. */
export function checkQuery(schema: z.ZodType | undefined, query: unknown): unknown {
  const own = Object.entries(z.record(z.string(), z.unknown()).parse(query)).filter(
    ([name]) => !SYSTEM_PARAMETERS.has(name)
  )
  return checkInput(schema ?? z.strictObject({}), Object.fromEntries(own))
}

/** Zod's verdict in Google's words. */
export function checkInput<T>(schema: z.ZodType<T>, value: unknown): T {
  const read = schema.safeParse(value)
  if (read.success) return read.data
  const [issue] = read.error.issues
  if (issue?.code === 'unrecognized_keys') {
    throw new GoogleError(
      'invalid',
      `Invalid JSON payload received. Unknown name "${issue.keys[0] ?? ''}": Cannot find field.`
    )
  }
  throw invalid(`Invalid value at '${issue?.path.join('.') ?? ''}': ${issue?.message ?? ''}`)
}
