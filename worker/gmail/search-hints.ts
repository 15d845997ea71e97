import type { Label } from './mailbox.ts'

/** Gmail's search operators: support.google.com/mail/answer/7190. */
const OPERATORS: ReadonlySet<string> = new Set([
  ...['from', 'to', 'cc', 'bcc', 'subject', 'after', 'before', 'older', 'newer', 'older_than'],
  ...['newer_than', 'label', 'category', 'has', 'list', 'filename', 'in', 'is', 'deliveredto'],
  ...['size', 'larger', 'smaller', 'rfc822msgid', 'around', 'lang', 'thread']
])
const DAYS: ReadonlySet<string> = new Set(['after', 'before', 'older', 'newer'])
const PLACES: ReadonlySet<string> = new Set([
  ...['anywhere', 'inbox', 'archive', 'snoozed', 'trash', 'bin', 'spam', 'junk', 'sent', 'draft'],
  ...[
    'drafts',
    'chats',
    'chat',
    'scheduled',
    'important',
    'starred',
    'unread',
    'read',
    'muted',
    'all'
  ]
])
const STATES: ReadonlySet<string> = new Set([
  ...[
    'important',
    'starred',
    'unread',
    'read',
    'snoozed',
    'muted',
    'chat',
    'sent',
    'draft',
    'spam'
  ],
  ...['trash', 'inbox', 'anywhere', 'scheduled']
])
const CATEGORIES: ReadonlySet<string> = new Set([
  ...['primary', 'personal', 'social', 'promotions', 'updates', 'forums', 'reservations'],
  ...['purchases', 'travel', 'finance', 'bills']
])
const DATE = /^(\d{4}[/-]\d{1,2}[/-]\d{1,2}|\d{1,2}[/-]\d{1,2}[/-]\d{4}|\d{9,11})$/
const AGE = /^\d+[dmyh]$/i
const MAX_HINTS = 5
/** A word with a colon, and what belongs to it: a quoted text, a group, or all up to the next blank. */
const TERM = /"[^"]*"|(?<=^|[\s(){}"-])([a-z][\w-]*):("[^"]*"|\([^)]*\)|\{[^}]*\}|[^\s(){}"]*)/gi

interface Term {
  readonly field: string
  readonly value: string
}

/** Whether a search names labels that must be looked up to judge it. */
export const namesLabels = (query: string): boolean => termsIn(query).some(mayNameLabel)

/**
 * What in a search Gmail passes over without a word: it looks for unknown operators as words and finds nothing for unknown
 * labels. Also that its days are Pacific ones (developers.google.com/workspace/gmail/api/guides/filtering). Sentences for
 * the caller, whose own words they repeat.
 */
export function searchHints(query: string, labels: readonly Label[]): string[] {
  const terms = termsIn(query)
  const hints = terms.flatMap((term) => hintFor(term, labels) ?? [])
  const hasDays = terms.some(({ field, value }) => DAYS.has(field) && /^\d+[/-]/.test(value))
  return [
    ...[...new Set(hints)].slice(0, MAX_HINTS),
    ...(hasDays
      ? [
          'Gmail counts the days of after: and before: in Pacific time; for days of another zone use the arguments after, before and timeZone.'
        ]
      : [])
  ]
}

function termsIn(query: string): Term[] {
  return [...query.matchAll(TERM)].flatMap(([, field, value = '']) =>
    field === undefined || value === '' || value.startsWith('//')
      ? []
      : [{ field: field.toLowerCase(), value: value.replace(/^"|"$/g, '').slice(0, 100) }]
  )
}

function hintFor(term: Term, labels: readonly Label[]): string | undefined {
  const { field, value } = term
  const folded = value.toLowerCase()
  if (!OPERATORS.has(field))
    return `"${field}:" is no search operator of Gmail; it looks for the words.`
  if (/^[({]/.test(value)) return undefined
  if (mayNameLabel(term) && !labels.some((label) => isNamed(label, folded)))
    return `There is no label "${value}".`
  if (field === 'is' && !STATES.has(folded)) return `Gmail knows no "is:${value}".`
  if (field === 'category' && !CATEGORIES.has(folded)) return `Gmail knows no "category:${value}".`
  if (DAYS.has(field) && !DATE.test(value))
    return `"${field}:${value}" is no date that Gmail reads: write ${field}:2026/01/31, or use the arguments after and before.`
  if (/^(older|newer)_than$/.test(field) && !AGE.test(value))
    return `"${field}:${value}" is no age that Gmail reads: write 2d, 3m or 1y.`
  return undefined
}

/** `^…` are Gmail's own; the usual places are no labels of the person. */
const mayNameLabel = ({ field, value }: Term): boolean =>
  (field === 'label' || field === 'in') && !/^[({^]/.test(value) && !PLACES.has(value.toLowerCase())

/** In a search a label's blanks and slashes are written as hyphens. */
function isNamed({ id, name }: Label, folded: string): boolean {
  const form = (text: string) => text.toLowerCase().replace(/[\s/&-]+/g, '-')
  return form(name ?? '') === form(folded) || id?.toLowerCase() === folded
}
