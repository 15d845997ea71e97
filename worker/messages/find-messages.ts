import type { ToolCall } from '../tool-kit/context.ts'

/** Gmail's own limit for one page. */
const PAGE = 500

/** Ids of up to `most` messages that a search finds, newest first, over as many pages as that takes. */
export async function findMessages(
  query: string,
  most: number,
  { context, signal }: ToolCall
): Promise<string[]> {
  const ids: string[] = []
  let pageToken: string | undefined
  do {
    const page = await context.mailbox.call(
      'messages.list',
      { q: query, maxResults: Math.min(PAGE, most - ids.length), ...(pageToken && { pageToken }) },
      signal
    )
    ids.push(...(page.messages ?? []).map(({ id }) => id ?? ''))
    pageToken = page.nextPageToken ?? undefined
  } while (pageToken && ids.length < most)
  return ids
}
