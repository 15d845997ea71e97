import { cleanLine } from './clean-text.ts'

/** What the fields of a report mean (RFC 3464, RFC 8098, RFC 5965), in the order in which they are told. */
const FIELDS: readonly (readonly [field: string, label: string])[] = [
  ['final-recipient', 'For'],
  ['original-recipient', 'First addressed to'],
  ['action', 'What happened'],
  ['status', 'Status'],
  ['diagnostic-code', 'Reason'],
  ['disposition', 'What was done with it'],
  ['feedback-type', 'Kind of complaint'],
  ['remote-mta', 'Told by'],
  ['reporting-mta', 'Reported by'],
  ['arrival-date', 'Arrived'],
  ['last-attempt-date', 'Last tried'],
  ['will-retry-until', 'Tried again until'],
  ['original-message-id', 'Message-ID'],
  ['final-log-id', 'Log id'],
  ['source-ip', 'Source'],
  ['original-mail-from', 'Sender'],
  ['reported-domain', 'Domain']
]
const MAX_BLOCKS = 100
const MAX_VALUE_CHARS = 1000

/** A delivery report, a read receipt or a complaint in words; as it is when it has none of their fields. */
export function reportText(source: string): string {
  const blocks = source
    .replace(/\r\n?/g, '\n')
    .split(/\n[ \t]*\n/)
    .map(fieldsOf)
    .filter((fields) => fields.size > 0)
  const told = blocks.slice(0, MAX_BLOCKS).map((fields) =>
    FIELDS.flatMap(([field, label]) => {
      const value = fields.get(field)
      return value === undefined ? [] : `${label}: ${value}`
    }).join('\n')
  )
  const text = told.filter((each) => each !== '').join('\n\n')
  const more = blocks.length - MAX_BLOCKS
  if (text === '') return source
  return more > 0 ? `${text}\n\nand ${more} more` : text
}

function fieldsOf(block: string): Map<string, string> {
  const fields = new Map<string, string>()
  for (const line of block.replace(/\n[ \t]+/g, ' ').split('\n')) {
    const [, name, value = ''] = /^([!-9;-~]{1,80})[ \t]*:(.*)$/.exec(line) ?? []
    // The kind of address or code before the semicolon is for programs.
    if (name)
      fields.set(
        name.toLowerCase(),
        cleanLine(value.replace(/^\s*(rfc822|utf-8|dns|x-unix|unknown)\s*;/i, '')).slice(
          0,
          MAX_VALUE_CHARS
        )
      )
  }
  return fields
}
