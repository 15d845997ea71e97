export type Token =
  | { readonly kind: '(' | ')' | '{' | '}' | '-' | 'or' | 'and' }
  /** `name:` directly before a word, a phrase or a group. */
  | { readonly kind: 'operator'; readonly name: string }
  | { readonly kind: 'word' | 'phrase'; readonly text: string }

const PATTERN =
  /\s+|([(){}])|-(?=[^\s-])|\+?"([^"]*)"?|([a-z][a-z0-9_]*):(?=\S)|\|(?=\s|$)|([^\s(){}"]+)/giy

/** Cuts a Gmail search into its tokens. Every text can be cut. */
export function tokenize(query: string): Token[] {
  const tokens: Token[] = []
  const pattern = new RegExp(PATTERN)
  for (let found = pattern.exec(query); found; found = pattern.exec(query)) {
    const token = toToken(found, tokens.at(-1))
    if (token) tokens.push(token)
    if (found[0] === '') break
  }
  return tokens
}

function toToken(found: RegExpExecArray, previous: Token | undefined): Token | undefined {
  const [all, bracket, phrase, operator, word] = found
  if (bracket) return { kind: bracket as '(' | ')' | '{' | '}' }
  if (phrase !== undefined) return { kind: 'phrase', text: phrase }
  const isValue = previous?.kind === 'operator'
  if (operator !== undefined && !isValue) return { kind: 'operator', name: operator.toLowerCase() }
  if (operator !== undefined) return { kind: 'word', text: all }
  if (word !== undefined) return toWord(word)
  if (all === '-') return { kind: '-' }
  return all === '|' ? { kind: 'or' } : undefined
}

function toWord(word: string): Token {
  if (word === 'OR') return { kind: 'or' }
  if (word === 'AND') return { kind: 'and' }
  return { kind: 'word', text: word }
}
