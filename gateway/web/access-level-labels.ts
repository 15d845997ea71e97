import type { AccessLevel } from '#shared/access-levels.ts'

/** The access levels in a word or two, for tables. */
export const LEVEL_NAME: Record<AccessLevel, string> = {
  'gmail.read': 'Read',
  'gmail.draft': 'Read and draft',
  'gmail.modify': 'Read, send, organise',
  'gmail.settings': 'All but deleting',
  'gmail.full': 'Everything'
}

/** The access levels as a person reads them. */
export const LEVEL_IN_WORDS: Record<AccessLevel, string> = {
  'gmail.read': 'Read mail. It cannot change anything.',
  'gmail.draft': 'Read mail and write drafts. It cannot send or change anything else.',
  'gmail.modify': 'Read, write, send and organise mail: labels, archive, trash.',
  'gmail.settings': 'All of that, and change filters, signatures and other settings.',
  'gmail.full': 'Everything, and delete mail for ever.'
}
