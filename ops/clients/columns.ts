/** The columns of the first table, in order. */
export const COLUMNS = [
  'listed',
  'searched',
  'read',
  'marked',
  'sent',
  'killed worker',
  'restart',
  'ended by operator',
  'level too low',
  'wrong token',
  'sign-in',
  'step-up'
] as const
export type Column = (typeof COLUMNS)[number]
