import { invalid } from '../google-error.ts'
import type { Mailbox } from '../mailbox/mailbox.ts'

/** Throws unless a client may make this change, and there is one. */
export function checkLabelChange(
  { labels }: Mailbox,
  {
    addLabelIds,
    removeLabelIds
  }: { addLabelIds: readonly string[]; removeLabelIds: readonly string[] }
): void {
  if (addLabelIds.length + removeLabelIds.length === 0) {
    throw invalid('No label add or removes specified')
  }
  labels.checkChange(addLabelIds, removeLabelIds)
}
