/** What a run says of a client: decided from texts alone. */

/** One cell of a table. `said` is what the client said when it is not a plain yes. */
export interface Finding {
  readonly is: 'yes' | 'no' | 'partly'
  readonly what: string
  readonly said?: string | undefined
}

export const yes = (what = 'yes'): Finding => ({ is: 'yes', what })
export const no = (said: string, what = 'no'): Finding => ({ is: 'no', what, said: brief(said) })

/** Whether the words reached the model. */
export const holds = (given: string | undefined, words: string): Finding =>
  given?.includes(words) ? yes() : no(given ?? 'the call was never made')

/** How many of the tools that there are stand in the client's list, whatever it puts before their names. */
export function listed(expected: readonly string[], tools: readonly string[]): Finding {
  const found = expected.filter((name) => tools.some((tool) => tool.endsWith(name)))
  const what = `${found.length} of ${expected.length}`
  return found.length === expected.length ? yes(what) : no('', what)
}

/**
 * Whether words of others that reached the model are marked as such wherever they stand: inside a fence, or in a
 * structured result that says before them which of its fields are not to be trusted.
 */
export function marked(given: string | undefined, words: string): Finding {
  if (!given?.includes(words)) return no(given ?? 'the call was never made')
  const outside = given.replace(/<untrusted-mail-([0-9a-z]+)>[\s\S]*?<\/untrusted-mail-\1>/g, '')
  if (!outside.includes(words)) return yes('fence')
  const [before = ''] = outside.split(words, 1)
  const names = /untrusted\W{1,8}Written by other people[^:]*: ([\w, ]+)/.exec(before)?.[1] ?? ''
  const what = outside === given ? 'field' : 'fence, field'
  return /\bbody\b/.test(names) ? yes(what) : no(before.slice(-200))
}

/** After the sessions ended: at once, from the next call on, or not any more. */
export function recovered(calls: readonly (string | undefined)[], words: string): Finding {
  const first = calls.findIndex((given) => given?.includes(words))
  if (first === 0) return yes()
  if (first > 0) return { is: 'partly', what: 'from the next call on', said: brief(calls[0] ?? '') }
  return no(calls.at(-1) ?? 'the call was never made')
}

/** How bytes reached the model: as something it can see, as text full of base64, or not at all. */
export function shownBytes(whole: string, content: Buffer): 'as itself' | 'as text' | 'no' {
  const needle = content.toString('base64').slice(8, 72)
  const places = placesOf(parsed(whole), needle)
  if (places.includes('value')) return 'as itself'
  return places.length > 0 || whole.includes(needle) ? 'as text' : 'no'
}

/** A string that begins with the bytes (or a data URL of them) is a value; anything else that holds them is text. */
function placesOf(json: unknown, needle: string): ('value' | 'text')[] {
  if (typeof json === 'string') {
    if (!json.includes(needle)) return []
    return [/^(data:[\w/+.-]+;base64,)?[A-Za-z0-9+/=]+$/.test(json) ? 'value' : 'text']
  }
  if (typeof json !== 'object' || json === null) return []
  return Object.entries(json).flatMap(([key, value]) =>
    // What `contentBase64` holds is a word among others to a model.
    placesOf(value, needle).map((place) => (key === 'contentBase64' ? 'text' : place))
  )
}

/** JSON, or lines of it, or text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    const lines = text.split('\n')
    return lines.length > 1 ? lines.map(parsed) : text
  }
}

const MOST = 220

/** As it can stand in a table: one line, no secrets of a run. */
function brief(text: string): string {
  const line = text
    .replace(/https?:\/\/(localhost|127\.0\.0\.1)(:\d+)?/g, 'http://localhost')
    .replace(/\/tmp\/[^\s"'`)]+/g, '(a temporary path)')
    .replace(/mcp_token_\w+/g, 'mcp_token_…')
    .replace(/\s+/g, ' ')
    .trim()
  // What went wrong stands at the end of most messages.
  return line.length > MOST ? `… ${line.slice(-MOST)}` : line
}
