const MAX_VALUE_CHARS = 1000

/** `var()` by what the element or one around it set (CSS Variables 1); an unset one without fallback is no value. */
export function filledIn(
  written: string,
  own: ReadonlyMap<string, string> | undefined
): string | undefined {
  let value = written
  for (let turn = 0; turn < 10 && value.includes('var('); turn += 1) {
    if (value.length > MAX_VALUE_CHARS) return undefined
    let isKnown = true
    value = value.replace(
      /var\(\s*(--[^\s,()]+)\s*(?:,((?:[^()]|\([^()]*\))*))?\)/g,
      (_, name: string, fallback: string | undefined) => {
        const known = own?.get(name) ?? fallback?.trim()
        if (known === undefined) isKnown = false
        return known ?? ''
      }
    )
    if (!isKnown) return undefined
  }
  return value.includes('var(') ? undefined : value.trim()
}
