/** A mailbox of RFC 5322: a bare address and, maybe, a name. */
export interface Address {
  readonly name: string
  readonly address: string
}

/** One address, without a name: `local@domain`, in ASCII or with international characters (RFC 6531). */
const BARE = /^[^\s@<>()[\]\\,;:"]{1,64}@[^\s@<>()[\]\\,;:"]{1,255}$/

/** Splits a header value at the commas that part addresses: not those in quotes, comments or angle brackets. */
export function splitAddresses(value: string): string[] {
  const parts: string[] = []
  let from = 0
  let closing = ''
  for (let at = 0; at < value.length; at += 1) {
    const character = value[at] ?? ''
    if (closing) {
      if (character === '\\') at += 1
      else if (character === closing) closing = ''
    } else if (character === ',') {
      parts.push(value.slice(from, at))
      from = at + 1
    } else closing = CLOSING[character] ?? ''
  }
  parts.push(value.slice(from))
  return parts.map((part) => part.trim()).filter((part) => part !== '')
}

const CLOSING: Readonly<Record<string, string>> = { '"': '"', '(': ')', '<': '>' }

/** Reads `Name <local@domain>` or `local@domain`; undefined when it is neither. */
export function parseAddress(written: string): Address | undefined {
  const text = written.trim()
  const angled = /^(.*)<([^<>]*)>$/s.exec(text)
  const address = (angled?.[2] ?? text).trim()
  if (!BARE.test(address)) return undefined
  const name = (angled?.[1] ?? '').trim()
  const quoted = /^"(.*)"$/s.exec(name)?.[1]
  return { name: quoted === undefined ? name : quoted.replace(/\\(.)/g, '$1'), address }
}

/** Whether two addresses reach the same mailbox, as far as their spelling tells. */
export const sameAddress = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase()
