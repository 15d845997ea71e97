import * as z from 'zod'
import { namesLabels, searchHints } from '../gmail/search-hints.ts'
import type { ToolCall } from '../tool-kit/context.ts'

/** Arguments of every search that say between which moments, in the caller's own zone. */
export const dateInput = {
  after: z
    .string()
    .max(40)
    .optional()
    .describe('From this moment on: 2026-01-31T00:00:00+01:00, or 2026-01-31 with timeZone'),
  before: z.string().max(40).optional().describe('Up to this moment; a day is not included'),
  timeZone: z.string().max(60).optional().describe('Of days without an offset: Europe/Berlin')
}

/** The field of a result with what Gmail passed over in a search. */
export const hints = z.array(z.string()).optional().describe('What is odd in the search')

/** What to tell about a search; see `searchHints`. */
export async function hintsFor(query: string, { context, signal }: ToolCall): Promise<string[]> {
  return searchHints(query, namesLabels(query) ? await context.labels.all(signal) : [])
}

export const withHints = (text: string, told: readonly string[]): string =>
  [text, ...told].join('\n')
