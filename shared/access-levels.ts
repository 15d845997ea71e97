import * as z from 'zod'

/**
 * What a person lets an MCP client do, from least to most. Each level contains the ones before it.
 * They are the OAuth scopes of the `/mcp` resource.
 */
export const ACCESS_LEVELS = [
  'gmail.read',
  'gmail.draft',
  'gmail.modify',
  'gmail.settings',
  'gmail.full'
] as const

export const AccessLevel = z.enum(ACCESS_LEVELS)
export type AccessLevel = z.infer<typeof AccessLevel>

const GMAIL = 'https://www.googleapis.com/auth/gmail.'

/** Google's scopes that the access levels are made of. */
export const GOOGLE_SCOPE = {
  readonly: `${GMAIL}readonly`,
  compose: `${GMAIL}compose`,
  modify: `${GMAIL}modify`,
  settingsBasic: `${GMAIL}settings.basic`,
  full: 'https://mail.google.com/'
} as const

const ASKED_OF_GOOGLE: Record<AccessLevel, readonly string[]> = {
  'gmail.read': [GOOGLE_SCOPE.readonly],
  'gmail.draft': [GOOGLE_SCOPE.readonly, GOOGLE_SCOPE.compose],
  'gmail.modify': [GOOGLE_SCOPE.modify],
  'gmail.settings': [GOOGLE_SCOPE.modify, GOOGLE_SCOPE.settingsBasic],
  'gmail.full': [GOOGLE_SCOPE.full, GOOGLE_SCOPE.settingsBasic]
}

/** A wide Google scope stands for the narrower ones it contains. */
const CONTAINED: Record<string, readonly string[]> = {
  [GOOGLE_SCOPE.full]: [GOOGLE_SCOPE.modify, GOOGLE_SCOPE.compose, GOOGLE_SCOPE.readonly],
  [GOOGLE_SCOPE.modify]: [GOOGLE_SCOPE.compose, GOOGLE_SCOPE.readonly]
}

/** The Google scopes to ask for so that `level` works. */
export const googleScopesFor = (level: AccessLevel): readonly string[] => ASKED_OF_GOOGLE[level]

/** Whether a token of level `held` may do what asks for level `needed`. */
export const covers = (held: AccessLevel, needed: AccessLevel): boolean =>
  ACCESS_LEVELS.indexOf(held) >= ACCESS_LEVELS.indexOf(needed)

/** The highest level among OAuth scopes; undefined when none of them is ours. */
export const highestLevel = (scopes: Iterable<string>): AccessLevel | undefined => {
  const named = new Set(scopes)
  return ACCESS_LEVELS.findLast((level) => named.has(level))
}

/** The lesser of two levels. */
export const lesserLevel = (a: AccessLevel, b: AccessLevel): AccessLevel => (covers(a, b) ? b : a)

/** The scopes of Google's grant that `level` makes use of. */
export const scopesWithin = (
  level: AccessLevel | undefined,
  granted: readonly string[]
): readonly string[] => {
  if (level === undefined) return []
  return level === levelGrantedBy(granted) ? granted : googleScopesFor(level)
}

/** The highest level that the scopes Google really granted allow; undefined when they allow none. */
export function levelGrantedBy(googleScopes: Iterable<string>): AccessLevel | undefined {
  const held = new Set<string>()
  for (const scope of googleScopes) {
    held.add(scope)
    for (const inner of CONTAINED[scope] ?? []) held.add(inner)
  }
  return ACCESS_LEVELS.findLast((level) => ASKED_OF_GOOGLE[level].every((scope) => held.has(scope)))
}
