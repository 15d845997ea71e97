/** Where a message is that is no part of what was said: labels that change what it means. Both ids and names are so. */
const PLACES: Readonly<Record<string, string>> = {
  DRAFT: 'draft, not sent',
  TRASH: 'in the bin',
  SPAM: 'in spam'
}

/** Words for a message that was not sent, or thrown away; an empty string for all others. */
export const messageLocation = (labels: readonly string[]): string =>
  labels.flatMap((label) => PLACES[label] ?? []).join(', ')
