import { domainToASCII, domainToUnicode } from 'node:url'

/** The scripts that domain names are written in; letters of others count as one more. */
const SCRIPTS = {
  Latin: /\p{Script=Latin}/u,
  Cyrillic: /\p{Script=Cyrillic}/u,
  Greek: /\p{Script=Greek}/u,
  Armenian: /\p{Script=Armenian}/u,
  Hebrew: /\p{Script=Hebrew}/u,
  Arabic: /\p{Script=Arabic}/u,
  Devanagari: /\p{Script=Devanagari}/u,
  Thai: /\p{Script=Thai}/u,
  Georgian: /\p{Script=Georgian}/u,
  Cherokee: /\p{Script=Cherokee}/u,
  Hangul: /\p{Script=Hangul}/u,
  Han: /\p{Script=Han}/u,
  Hiragana: /\p{Script=Hiragana}/u,
  Katakana: /\p{Script=Katakana}/u,
  Bopomofo: /\p{Script=Bopomofo}/u
} as const
/** Scripts that are written together: Unicode Technical Standard 39, section 5.2, "Highly Restrictive". */
const TOGETHER: readonly (readonly string[])[] = [
  ['Latin', 'Han', 'Hiragana', 'Katakana'],
  ['Latin', 'Han', 'Bopomofo'],
  ['Latin', 'Han', 'Hangul']
]
/** Cyrillic and Greek letters that look like Latin ones: a whole name of them imitates one (UTS 39, section 4). */
const LATIN_SHAPES = 'аеорсухіјѕһԁԛԝӏορνυια0123456789-'
/** Letters of one script, and nothing that stands for others (RFC 5890, section 2.3.2.1). */
const PLAIN = /^[a-z\d.-]*$/
const OTHER_LETTER = /[^\p{Script=Common}\p{Script=Inherited}]/u

/**
 * Why the domain of an address may pass for another one: the scripts that a part of it mixes, or the one that it imitates
 * Latin letters with. Undefined when it does not. Each part between dots is looked at by itself, in Unicode.
 */
function lookAlikeDomain(address: string): string | undefined {
  const written = address.slice(address.lastIndexOf('@') + 1).toLowerCase()
  if (PLAIN.test(written) && !written.includes('xn--')) return undefined
  const domain = domainToUnicode(written)
  const labels = domain.split('.')
  for (const label of labels) {
    const scripts = scriptsIn(label)
    const isUsual = TOGETHER.some((known) => scripts.every((script) => known.includes(script)))
    if (scripts.length > 1 && !isUsual) return `mixes ${scripts.join(' and ')} letters`
    const imitates = scripts.length === 1 && /^(Cyrillic|Greek)$/.test(scripts[0] ?? '')
    const isLatinShaped = [...label].every((letter) => LATIN_SHAPES.includes(letter))
    if (imitates && isLatinShaped && /^[a-z]+$/.test(labels.at(-1) ?? ''))
      return `has only ${scripts[0]} letters that look like Latin ones`
  }
  return undefined
}

/** The address, its domain in ASCII (RFC 5890), and why it may pass for another one; undefined when it does not. */
export function confusable(address: string): string | undefined {
  const why = lookAlikeDomain(address)
  return why === undefined ? undefined : `${address} (${asciiDomain(address)}) ${why}`
}

function asciiDomain(address: string): string {
  const domain = address.slice(address.lastIndexOf('@') + 1)
  return domainToASCII(domain) || domain
}

function scriptsIn(label: string): string[] {
  const found = Object.entries(SCRIPTS).filter(([, letters]) => letters.test(label))
  const left = found.reduce(
    (rest, [, letters]) => rest.replace(new RegExp(letters.source, 'gu'), ''),
    label
  )
  return [...found.map(([name]) => name), ...(OTHER_LETTER.test(left) ? ['other'] : [])]
}
