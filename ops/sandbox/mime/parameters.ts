import { decodeText } from './charset.ts'
import { decodeWords } from './headers.ts'

export interface ParameterizedValue {
  /** Lower case, such as `text/plain` or `attachment`. */
  readonly value: string
  readonly parameters: ReadonlyMap<string, string>
}

const PARAMETER = /;\s*([^=;\s]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]*))/g

/** Reads `value; name=text; name*0*=utf-8''…` (RFC 2045 §5.1, RFC 2231 continuations and charsets). */
export function parseParameters(text: string): ParameterizedValue {
  const value = (text.split(';', 1)[0] ?? '').trim().toLowerCase()
  const segments = new Map<string, Segment[]>()
  for (const [, key = '', quoted, plain] of text.matchAll(PARAMETER)) {
    const [, name = '', at, star] = /^([^*]+)(?:\*(\d+))?(\*)?$/.exec(key.toLowerCase()) ?? []
    const content = quoted === undefined ? (plain ?? '').trim() : quoted.replace(/\\(.)/g, '$1')
    const list = segments.get(name) ?? []
    list.push({
      at: Number(at ?? 0),
      text: content,
      isEncoded: star === '*',
      isPlain: at === undefined && star === undefined
    })
    segments.set(name, list)
  }
  const parameters = new Map<string, string>()
  for (const [name, list] of segments) parameters.set(name, join(list))
  return { value, parameters }
}

interface Segment {
  readonly at: number
  readonly text: string
  readonly isEncoded: boolean
  /** Written without any of RFC 2231. */
  readonly isPlain: boolean
}

/** What is written both ways is so for older programs: the extended form counts (RFC 6266, section 4.3). */
function join(segments: readonly Segment[]): string {
  const extended = segments.filter(({ isPlain }) => !isPlain)
  const ordered = (extended.length > 0 ? extended : segments).toSorted((a, b) => a.at - b.at)
  const first = ordered[0]
  if (!ordered.some(({ isEncoded }) => isEncoded)) {
    return decodeWords(ordered.map(({ text }) => text).join(''))
  }
  const [, charset = 'utf-8'] = /^([^']*)'[^']*'/.exec(first?.text ?? '') ?? []
  const bytes = ordered.map(({ text, isEncoded }) =>
    isEncoded ? percentBytes(text.replace(/^[^']*'[^']*'/, '')) : Buffer.from(text)
  )
  return decodeText(Buffer.concat(bytes), charset)
}

const percentBytes = (text: string) =>
  Buffer.from(
    text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16))
    ),
    'latin1'
  )
