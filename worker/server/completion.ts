/** What a client may offer while a person types an argument of a prompt or of a resource's address. */
import type { CompleteRequestParams, CompleteResult } from '@modelcontextprotocol/server'
import type { ToolCall } from '../tool-kit/context.ts'

/** MCP 2025-11-25, Completion: an answer holds at most 100 values. */
const MOST = 100

const OPERATORS = [
  ...['from:', 'to:', 'cc:', 'subject:', 'label:', 'list:', 'filename:', 'deliveredto:'],
  ...['has:attachment', 'has:drive', 'has:userlabels', 'has:nouserlabels'],
  ...['in:inbox', 'in:sent', 'in:drafts', 'in:anywhere', 'in:spam', 'in:trash'],
  ...['is:unread', 'is:read', 'is:starred', 'is:important'],
  ...['category:primary', 'category:social', 'category:promotions', 'category:updates'],
  ...['newer_than:', 'older_than:', 'after:', 'before:', 'larger:', 'smaller:', 'rfc822msgid:']
]

/** Values that begin with what was typed. An argument that nobody can guess has none. */
export async function complete(
  { ref, argument }: CompleteRequestParams,
  call: ToolCall
): Promise<CompleteResult> {
  if (ref.type !== 'ref/prompt') return valuesOf([])
  switch (argument.name) {
    case 'label':
      return valuesOf(beginningWith(argument.value, await labelNames(call)))
    case 'from':
      return valuesOf(
        beginningWith(argument.value, await call.context.correspondents.all(call.signal))
      )
    case 'query':
      return valuesOf(await queryWith(argument.value, call))
    default:
      return valuesOf([])
  }
}

/** The last word of a search is completed, and what stands before it stays. */
async function queryWith(query: string, call: ToolCall): Promise<string[]> {
  const at = query.search(/\S*$/)
  const before = query.slice(0, at)
  const word = query.slice(at)
  const [, sign = '', operator = '', value] = /^(-?)([a-z_]+:)?(.*)$/i.exec(word) ?? []
  const words = (all: readonly string[], start: string): string[] =>
    beginningWith(start, all).map((each) => `${before}${sign}${each}`)
  if (operator === 'label:')
    return words(
      (await labelNames(call)).map((name) => `label:${searchName(name)}`),
      word.slice(sign.length)
    )
  if (['from:', 'to:', 'cc:'].includes(operator) && value !== undefined)
    return words(
      (await call.context.correspondents.all(call.signal)).map((each) => `${operator}${each}`),
      word.slice(sign.length)
    )
  return words(OPERATORS, word.slice(sign.length))
}

/** Gmail writes blanks and slashes of a label's name as hyphens in a search. */
const searchName = (name: string): string => name.replaceAll(/[\s/]+/g, '-').toLowerCase()

async function labelNames({ context, signal }: ToolCall): Promise<string[]> {
  return (await context.labels.all(signal))
    .map(({ name }) => name ?? '')
    .filter((name) => name !== '')
}

const beginningWith = (start: string, all: readonly string[]): string[] =>
  all.filter((each) => each.toLowerCase().startsWith(start.toLowerCase()))

const valuesOf = (found: readonly string[]): CompleteResult => ({
  completion: {
    values: found.slice(0, MOST),
    total: found.length,
    hasMore: found.length > MOST
  }
})
