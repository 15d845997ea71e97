/** What a client says of media types, read as RFC 9110 has it: ranges, weights, any case, several fields. */

const JSON_TYPE = 'application/json'
const STREAM_TYPE = 'text/event-stream'
/** What clients send that are made with the official SDKs. */
const USUAL = `${JSON_TYPE}, ${STREAM_TYPE}`

/** In which forms a client takes the answer to a POST. */
export interface Forms {
  readonly json: boolean
  readonly stream: boolean
}

interface Range {
  readonly type: string
  readonly weight: number
}

/** The forms that an `Accept` field allows (RFC 9110 §12.5.1). Without one, or with an empty one, any is taken. */
export function formsTaken(accept: string | undefined): Forms {
  if (accept === USUAL) return { json: true, stream: true }
  const ranges = (accept ?? '').split(',').flatMap(rangeIn)
  if (ranges.length === 0) return { json: true, stream: true }
  return { json: takes(ranges, JSON_TYPE), stream: takes(ranges, STREAM_TYPE) }
}

/**
 * The media type without its parameters, in lower case. Some clients and proxies send a field twice, which
 * arrives as a list; as long as all of it says the same, that is the type (RFC 9110 §5.3 would refuse it).
 */
export function mediaTypeOf(contentType: string | undefined): string | undefined {
  const types = new Set((contentType ?? '').split(',').map(bare))
  const [only] = types
  return types.size === 1 && only !== '' ? only : undefined
}

export const isJson = (contentType: string | undefined): boolean =>
  contentType === JSON_TYPE || mediaTypeOf(contentType) === JSON_TYPE

function rangeIn(text: string): Range[] {
  const type = bare(text)
  if (type === '') return []
  const [, weight] = /;\s*q=([\d.]+)/i.exec(text) ?? []
  return [{ type, weight: weight === undefined ? 1 : Number(weight) }]
}

/** The most specific range that fits decides (RFC 9110 §12.5.1). */
function takes(ranges: readonly Range[], type: string): boolean {
  const fits = [type, `${type.split('/')[0]}/*`, '*/*']
  for (const wanted of fits) {
    const own = ranges.filter((range) => range.type === wanted)
    if (own.length > 0) return own.some(({ weight }) => weight > 0)
  }
  return false
}

const bare = (text: string): string => (text.split(';')[0] ?? '').trim().toLowerCase()
