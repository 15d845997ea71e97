import { ToolError } from '#shared/tool-error.ts'

/** What mail a filter catches; Gmail writes null for what is missing. */
export interface Caught {
  readonly from?: string | null | undefined
  readonly to?: string | null | undefined
  readonly subject?: string | null | undefined
  readonly query?: string | null | undefined
  readonly negatedQuery?: string | null | undefined
  readonly hasAttachment?: boolean | null | undefined
  readonly size?: number | null | undefined
  readonly sizeComparison?: string | null | undefined
}

/** The Gmail search that finds what a filter with these criteria would catch. */
export function searchOf(criteria: Caught): string {
  const { from, to, subject, query, negatedQuery, hasAttachment, size, sizeComparison } = criteria
  const terms = [
    from && `from:(${from})`,
    to && `to:(${to})`,
    subject && `subject:(${subject})`,
    query && `(${query})`,
    negatedQuery && `-(${negatedQuery})`,
    hasAttachment && 'has:attachment',
    size && sizeComparison && `${sizeComparison}:${size}`
  ]
  return terms.filter((term) => term).join(' ')
}

/** What a caller may fill a template with. */
export interface TemplateFields {
  readonly senderEmail?: string | undefined
  readonly subjectText?: string | undefined
  readonly searchText?: string | undefined
  readonly listIdentifier?: string | undefined
  readonly sizeInBytes?: number | undefined
}

/** What the templates make. */
export interface TemplateCriteria {
  readonly from?: string
  readonly subject?: string
  readonly query?: string
  readonly hasAttachment?: true
  readonly size?: number
  readonly sizeComparison?: 'larger'
}

export const TEMPLATES = [
  'fromSender',
  'withSubject',
  'withAttachments',
  'largeEmails',
  'containingText',
  'mailingList'
] as const

/** The criteria of a well-known filter. Throws `invalid_argument` when its field is missing. */
export function criteriaOf(
  template: (typeof TEMPLATES)[number],
  fields: TemplateFields
): TemplateCriteria {
  switch (template) {
    case 'fromSender':
      return { from: needed(fields, 'senderEmail') }
    case 'withSubject':
      return { subject: needed(fields, 'subjectText') }
    case 'withAttachments':
      return { hasAttachment: true }
    case 'largeEmails':
      return { size: needed(fields, 'sizeInBytes'), sizeComparison: 'larger' }
    case 'containingText':
      return { query: `"${needed(fields, 'searchText').replaceAll('"', '')}"` }
    case 'mailingList': {
      const list = needed(fields, 'listIdentifier')
      return { query: `list:${list} OR subject:[${list}]` }
    }
  }
}

function needed<K extends keyof TemplateFields>(
  fields: TemplateFields,
  key: K
): NonNullable<TemplateFields[K]> {
  const value = fields[key]
  if (value === undefined || value === null)
    throw new ToolError('invalid_argument', `This template needs parameters.${key}.`)
  return value
}
