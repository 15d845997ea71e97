import { ToolError } from '#shared/tool-error.ts'

/** Gmail's id for a thread. Throws `invalid_argument` for what cannot be one. */
export function asThreadId(given: string): string {
  const id = given.trim()
  if (/^[0-9a-f]{1,32}$/i.test(id)) return id.toLowerCase()
  throw new ToolError(
    'invalid_argument',
    'threadId is not a Gmail thread id, as search_emails returns it.'
  )
}
