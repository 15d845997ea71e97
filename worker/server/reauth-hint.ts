import type { CallToolResult } from '@modelcontextprotocol/server'
import * as z from 'zod'

const NeedsReauth = z.looseObject({ code: z.literal('needs_reauth'), message: z.string() })

/** Adds to a failure for want of a sign-in where the person can do something about it. */
export async function withReauthHint(
  call: Promise<CallToolResult>,
  accountUrl: string | undefined
): Promise<CallToolResult> {
  const result = await call
  const failure = NeedsReauth.safeParse(result.structuredContent).data
  if (accountUrl === undefined || !result.isError || !failure) return result
  const message = `${failure.message} Ask the person to open ${accountUrl} and connect the account again.`
  return {
    ...result,
    content: [{ type: 'text', text: `needs_reauth: ${message}` }],
    structuredContent: { ...failure, message }
  }
}
