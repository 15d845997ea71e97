import type { HistoryRecord, Mailbox, Message } from './mailbox.ts'

/** Changes beyond so many pages are dearer than what they save. */
const MAX_PAGES = 3
const PAGE = 500
/** For what is asked on behalf of all. */
export const NEVER: AbortSignal = new AbortController().signal

/** What has changed, and up to where: a history id. */
export interface Changes {
  readonly records: readonly HistoryRecord[]
  readonly place: string | null | undefined
}

/** All changes of a mailbox after a place in its history; undefined when they are too many. Throws as the mailbox does. */
export async function changesSince(
  mailbox: Pick<Mailbox, 'call'>,
  startHistoryId: string
): Promise<Changes | undefined> {
  const records: HistoryRecord[] = []
  let pageToken: string | null | undefined
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const params = { startHistoryId, maxResults: PAGE, ...(pageToken && { pageToken }) }
    const answer = await mailbox.call('history.list', params, NEVER)
    records.push(...(answer.history ?? []))
    pageToken = answer.nextPageToken
    if (!pageToken) return { records, place: answer.historyId }
  }
  return undefined
}

interface Changed {
  readonly message?: Message
  readonly labelIds?: readonly string[] | null
}

/** The messages of a change, each with the labels that it is about. */
export const named = (changed: readonly Changed[] = []) =>
  changed.flatMap(({ message, labelIds }) =>
    message?.id
      ? { id: message.id, threadId: message.threadId ?? '', labelIds: labelIds ?? [] }
      : []
  )
