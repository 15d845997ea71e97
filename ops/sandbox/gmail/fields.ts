import { invalid } from '../google-error.ts'

/** What to keep of an object, by key; an empty mask keeps all of it. */
type Mask = Map<string, Mask>

/**
 * The part of a resource that `fields=` asks for: names, `a/b` for one inside another, `a(b,c)` for several,
 * `*` for all. Throws 400 for a text that is no such list.
 */
export function selectFields(resource: object, fields: string | undefined): object {
  return fields === undefined ? resource : select(resource, parse(fields))
}

function select<T extends object>(value: T, mask: Mask): object {
  if (Array.isArray(value)) return value.map((item) => selectAny(item, mask))
  const rest = mask.get('*')
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, field]) => {
      const inner = mask.get(key) ?? rest
      return inner ? [[key, inner.size === 0 ? field : selectAny(field, inner)]] : []
    })
  )
}

const selectAny = (value: unknown, mask: Mask) =>
  typeof value === 'object' && value !== null ? select(value, mask) : value

function parse(text: string): Mask {
  const tokens = text.match(/[\w*]+|[(),/]|[^\s]/g) ?? []
  const mask = parseList(tokens)
  if (tokens.length > 0 || mask.size === 0) throw invalid(`Invalid field selection ${text}`)
  return mask
}

/** Takes a list's tokens away from the front. */
function parseList(tokens: string[]): Mask {
  const mask: Mask = new Map()
  do {
    const name = tokens.shift() ?? ''
    if (!/^[\w*]+$/.test(name)) throw invalid(`Invalid field selection ${name}`)
    mask.set(name, parseInner(tokens))
  } while (takeIf(tokens, ','))
  return mask
}

function parseInner(tokens: string[]): Mask {
  if (takeIf(tokens, '/')) {
    const name = tokens.shift() ?? ''
    return new Map([[name, parseInner(tokens)]])
  }
  if (!takeIf(tokens, '(')) return new Map()
  const inner = parseList(tokens)
  if (!takeIf(tokens, ')')) throw invalid('Invalid field selection: a bracket is open')
  return inner
}

function takeIf(tokens: string[], wanted: string): boolean {
  if (tokens[0] !== wanted) return false
  tokens.shift()
  return true
}
