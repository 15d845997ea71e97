import * as z from 'zod'

/** A parameter that may be repeated. */
export const list = z
  .union([z.string().transform((only) => [only]), z.array(z.string())])
  .default([])

export const flag = z
  .enum(['true', 'false'])
  .default('false')
  .transform((value) => value === 'true')

/** How many results a page may have: 100 unless asked, at most 500, as in Google's reference. */
export const maxResults = z.coerce
  .number()
  .int()
  .min(0)
  .default(100)
  .transform((value) => Math.min(value, 500) || 100)

export const text = z.string().optional()

/** The `Message` that a request may hold; only these two fields are ever written by a client. */
export const MessageInput = z.strictObject({
  raw: z.string().optional(),
  threadId: z.string().optional(),
  labelIds: z.array(z.string()).optional(),
  id: z.unknown().optional(),
  historyId: z.unknown().optional(),
  internalDate: z.unknown().optional(),
  payload: z.unknown().optional(),
  sizeEstimate: z.unknown().optional(),
  snippet: z.unknown().optional(),
  classificationLabelValues: z.unknown().optional()
})

export const LabelChange = z.strictObject({
  addLabelIds: z.array(z.string()).default([]),
  removeLabelIds: z.array(z.string()).default([])
})
