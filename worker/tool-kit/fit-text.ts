import { RESULT_CHARS, truncate } from './truncate.ts'
import { endOfFence, openFence } from './untrusted-fence.ts'

/** What stands after the last fence says how to go on; longer than this it is no such thing. */
const MAX_TAIL_CHARS = 2000
/** Room for the mark that closes a fence, and for the sentence. */
const NOTICE_CHARS = 200

/**
 * A result's text within the budget. Tools divide it among what they show; this is for what none of them foresaw, such as
 * thousands of labels. A fence that is cut is closed, how much is missing is said, and what follows the fence is kept.
 */
export function fitText(text: string, most = RESULT_CHARS): string {
  if (text.length <= most) return text
  const tail = tailOf(text)
  const head = truncate(text, 0, most - tail.length - NOTICE_CHARS).text
  const missing = text.length - head.length - tail.length
  const closing = openFence(head)
  return [
    head.trimEnd(),
    ...(closing === undefined ? [] : [endOfFence(closing)]),
    `[Cut here: ${missing} more characters. Ask for less at once to see them.]${tail}`
  ].join('\n')
}

function tailOf(text: string): string {
  const last = text.lastIndexOf('\n</untrusted-mail-')
  const end = last === -1 ? -1 : text.indexOf('>', last)
  const tail = end === -1 ? '' : text.slice(end + 1)
  return tail.length <= MAX_TAIL_CHARS ? tail : ''
}
