import { type Token, tokenize } from './tokens.ts'

export type Query =
  | { readonly kind: 'and' | 'or'; readonly terms: readonly Query[] }
  | { readonly kind: 'not'; readonly term: Query }
  /** `field` is empty for plain words. */
  | {
      readonly kind: 'term'
      readonly field: string
      readonly value: string
      readonly isExact: boolean
    }

/**
 * The structure of a Gmail search. OR binds its two neighbours closer than the AND between all others; braces
 * mean OR; an operator before a group goes to each word of it. An unclosed bracket is closed by the end.
 */
export function parseQuery(query: string): Query {
  const reader = new Reader(tokenize(query))
  const terms: Query[] = []
  while (!reader.isAtEnd) {
    terms.push(readSequence(reader, '', 0))
    reader.next()
  }
  return joined('and', terms)
}

/** Deeper groups are read as empty. */
const MAX_DEPTH = 50

class Reader {
  #tokens: readonly Token[]
  #at = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#tokens.length
  }

  peek(): Token | undefined {
    return this.#tokens[this.#at]
  }

  next(): Token | undefined {
    this.#at += 1
    return this.#tokens[this.#at - 1]
  }
}

/** Terms up to a closing bracket or the end. */
function readSequence(reader: Reader, field: string, depth: number): Query {
  const terms: Query[] = []
  let joinsLast = false
  for (let token = reader.peek(); token && !isClosing(token); token = reader.peek()) {
    if (token.kind === 'or' || token.kind === 'and') {
      joinsLast = token.kind === 'or'
      reader.next()
      continue
    }
    const term = readTerm(reader, field, depth)
    const before = joinsLast ? terms.pop() : undefined
    terms.push(before ? joined('or', [before, term]) : term)
    joinsLast = false
  }
  return joined('and', terms)
}

function readTerm(reader: Reader, field: string, depth: number): Query {
  const token = reader.next()
  switch (token?.kind) {
    case '-':
      return { kind: 'not', term: readTerm(reader, field, depth + 1) }
    case '(':
    case '{':
      return readGroup(reader, field, depth, token.kind)
    case 'operator':
      return readTerm(reader, token.name, depth + 1)
    case 'word':
    case 'phrase':
      return { kind: 'term', field, value: token.text, isExact: token.kind === 'phrase' }
    default:
      return joined('and', [])
  }
}

function readGroup(reader: Reader, field: string, depth: number, opening: '(' | '{'): Query {
  if (depth > MAX_DEPTH) return joined('and', [])
  const inner = readSequence(reader, field, depth + 1)
  reader.next()
  return opening === '{' && inner.kind === 'and' ? joined('or', inner.terms) : inner
}

const isClosing = ({ kind }: Token) => kind === ')' || kind === '}'

function joined(kind: 'and' | 'or', terms: readonly Query[]): Query {
  const flat = terms.flatMap((term) => (term.kind === kind ? term.terms : [term]))
  const [only] = flat
  return only && flat.length === 1 ? only : { kind, terms: flat }
}
