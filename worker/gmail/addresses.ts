import { domainToASCII } from 'node:url'
import addressparser from 'nodemailer/lib/addressparser'
import { cleanLine } from '../mime/clean-text.ts'
import { decodeEncodedWords } from '../mime/encoded-words.ts'

/** A mailbox of RFC 5322: a bare address and, maybe, a name. */
export interface Address {
  readonly name: string
  readonly address: string
}

/** One entry of an address field. */
export interface AddressEntry {
  /** As it is shown: on one line, decoded, the name in quotes where it would read as something else without. */
  readonly text: string
  /** Missing when there is nobody to write to: an empty group, or words that are no address. */
  readonly mailbox?: Address
  /** A group without members, such as `undisclosed-recipients:;`, which is right and has nobody. */
  readonly isEmptyGroup?: boolean
}

/** RFC 5322, section 3.4.1, with what is seen besides: dots anywhere, long local parts, letters of RFC 6531. */
const ADDRESS =
  /^(?:[^\s@<>()[\]\\,;:"\p{C}]{1,256}|"(?:[^"<>\\\p{C}]|\\[^<>\p{C}]){0,254}")@(?:[\p{L}\p{M}\p{N}_-]+(?:\.[\p{L}\p{M}\p{N}_-]+)*|\[[\dA-Za-z.:]+\])$/u
const MAX_ADDRESS_CHARS = 512
/** Encoded words (RFC 2047) that follow each other are decoded together: a character may be parted between two. */
const ENCODED_WORDS = /=\?[^?\s]{1,80}\?[bq]\?[^?]*\?=(?:\s*=\?[^?\s]{1,80}\?[bq]\?[^?]*\?=)*/gi
const PLACES = /\ue000(\d+)\ue001/g
/** No honest name is longer, and no honest field: the rest is not read. */
const MAX_NAME_CHARS = 500
const MAX_FIELD_CHARS = 250_000
const MAX_SECOND = 100
/** What cannot stand in a name without quotes (RFC 5322, section 3.2.3); a dot can, by section 4.1. */
const SPECIAL = /[()<>[\]:;@\\,"]/

/**
 * The entries of an address field, in order, groups opened. The field is split as it is written and names are decoded
 * afterwards, so nothing in an encoded name is ever an address. Never throws.
 */
export function readAddresses(value: string): readonly AddressEntry[] {
  const known = recent.get(value)
  if (known) return known
  const entries = entriesOf(value)
  if (value.length <= MAX_RECENT_CHARS) {
    if (recent.size >= MAX_RECENT) recent.clear()
    recent.set(value, entries)
  }
  return entries
}

/** The same few people write in a conversation again and again. */
const recent = new Map<string, readonly AddressEntry[]>()
const MAX_RECENT = 500
const MAX_RECENT_CHARS = 500

function entriesOf(value: string): AddressEntry[] {
  const words: string[] = []
  const written = value.slice(0, MAX_FIELD_CHARS).replace(/[\ue000\ue001]/g, '')
  const field = closed(balanced(written)).replace(ENCODED_WORDS, (run) => {
    words.push(decodeEncodedWords(run))
    return `\ue000${words.length - 1}\ue001`
  })
  const decoded = (text: string): string =>
    cleanLine(text.replace(PLACES, (_, index: string) => words[Number(index)] ?? ''))
  const parsed = addressparser(field)
  const uncommented = withoutComments(field)
  const doubled = secondAddresses(uncommented, parsed)
  const read = (entry: ParsedAddress): AddressEntry[] => {
    // Comments alone are no entry: RFC 5322, appendix A.6.3.
    const isComment = !entry.address && !uncommented.includes(/^\S*/.exec(entry.name)?.[0] ?? '')
    return isComment ? [] : entryOf(entry, decoded, doubled)
  }
  return parsed.flatMap(({ name, ...entry }) => {
    if (!('group' in entry) || entry.group === undefined) return read({ name, ...entry })
    const members = entry.group.flatMap(read)
    return members.length > 0 ? members : [{ text: `${decoded(name)}:;`, isEmptyGroup: true }]
  })
}

interface ParsedEntry {
  readonly address?: string | undefined
  readonly group?: readonly ParsedAddress[] | undefined
}
type ParsedAddress = { readonly name: string; readonly address?: string | undefined }

/**
 * The entries of an address field that a caller wrote. Where a message may be read with some leave, the caller is rather
 * asked again: after a bracket that is missing, or words beside a bare address.
 */
export function readGivenAddresses(written: string): AddressEntry[] {
  const bare = withoutQuotes(withoutComments(written))
  const isBare = !written.includes('<') && !written.includes('(')
  const isTidy = bare.split('<').length === bare.split('>').length
  return readAddresses(written).map(({ text, mailbox }) =>
    mailbox && isTidy && !(isBare && mailbox.name) ? { text, mailbox } : { text }
  )
}

/** Reads one mailbox, `Name <local@domain>` or `local@domain`; undefined for anything else. */
export function parseAddress(written: string): Address | undefined {
  const entries = readGivenAddresses(written)
  return entries.length === 1 ? entries[0]?.mailbox : undefined
}

/** A mailbox as a person reads it, and as `readAddresses` reads it again. */
function formatAddress({ name, address }: Address): string {
  if (name === '') return address
  const shown = SPECIAL.test(name) ? `"${name.replace(/["\\]/g, '\\$&')}"` : name
  return `${shown} <${address}>`
}

/** Whether two addresses reach the same mailbox, as far as their spelling tells. */
export const sameAddress = (a: string, b: string): boolean => addressKey(a) === addressKey(b)

/** One spelling for all that differ only in case, or in how the domain is encoded (RFC 5890). */
export function addressKey(address: string): string {
  const { local, domain } = parts(address)
  return `${local}@${domainToASCII(domain) || domain}`
}

/**
 * Whether mail to `address` comes to the mailbox of `own`. Gmail delivers `own+anything@` to it; at gmail.com it also
 * ignores dots and takes googlemail.com (support.google.com/mail/answer/22370, /7436150, /10313).
 */
export const isOwnAddress = (own: string, address: string): boolean =>
  mailboxKey(own) === mailboxKey(address)

function mailboxKey(address: string): string {
  const { local, domain } = parts(addressKey(address))
  const plain = /^[^"+]+/.exec(local)?.[0] ?? local
  const isGmail = domain === 'gmail.com' || domain === 'googlemail.com'
  return isGmail ? `${plain.replaceAll('.', '')}@gmail.com` : `${plain}@${domain}`
}

function parts(address: string): { local: string; domain: string } {
  const at = address.lastIndexOf('@')
  const lower = address.toLowerCase()
  return { local: lower.slice(0, at), domain: lower.slice(at + 1) }
}

function entryOf(
  { name, address = '' }: ParsedAddress,
  decoded: (text: string) => string,
  doubled: readonly string[]
): AddressEntry[] {
  // Quotes of this kind are letters to RFC 5322, and no domain has one: some programs put them around an address.
  const bare = address.replace(/^'(.+)'$/, '$1').replace(/^mailto:/i, '')
  const shown = decoded(name).slice(0, MAX_NAME_CHARS)
  const second = doubled.filter((other) => name.includes(other))
  if (bare.length <= MAX_ADDRESS_CHARS && ADDRESS.test(bare)) {
    // Whose the words before the second one are, nobody can say.
    const isNamed = second.length === 0 && !sameAddress(shown, bare)
    const mailbox = { name: isNamed ? shown : '', address: bare }
    return [{ text: formatAddress(mailbox), mailbox }, ...second.map((text) => ({ text }))]
  }
  const odd = decoded(address)
  const text = shown && odd ? `${shown} <${odd}>` : shown || odd
  return text === '' ? [] : [{ text }]
}

/** Without the quote that is opened and never closed: it would swallow all addresses behind it. */
function balanced(value: string): string {
  let open = -1
  for (let at = 0; at < value.length; at += 1) {
    if (value[at] === '\\') at += 1
    else if (value[at] === '"') open = open === -1 ? at : -1
  }
  return open === -1 ? value : value.slice(0, open) + value.slice(open + 1)
}

/** A bracket that is opened and not closed before the next one would swallow an address: it ends with its entry. */
const closed = (value: string): string =>
  value.replace(
    /"(?:[^"\\]|\\.)*"|<([^<>,;"]*@[^<>,;"]*)(?=[,;][^<>]*<)/gs,
    (whole, address: string | undefined) => (address === undefined ? whole : `<${address.trim()}>`)
  )

/**
 * Addresses that stand beside another one in the same entry: `Name <a@x> <b@x>`, `a@x b@x`. The first one counts, as for
 * other readers; the second is named. Names in quotes and comments may hold anything.
 */
function secondAddresses(uncommented: string, parsed: readonly ParsedEntry[]): string[] {
  const bare = withoutQuotes(uncommented)
  const known = new Set(parsed.flatMap(({ address, group }) => group?.map(addressOf) ?? [address]))
  const angled = [...bare.matchAll(/<([^<>]*@[^<>]*)>/g)].map(([, inner = '']) => inner.trim())
  const all = angled.length > 0 ? angled : (bare.match(/[^\s,;:@]{1,256}@[^\s,;:@]{1,256}/g) ?? [])
  return all.filter((each) => !known.has(each)).slice(0, MAX_SECOND)
}

const addressOf = ({ address }: ParsedAddress) => address

/** Without comments, which nest (RFC 5322, section 3.2.2). */
function withoutComments(field: string): string {
  let kept = ''
  let depth = 0
  for (const [piece] of field.matchAll(/\\.|"(?:[^"\\]|\\.)*(?:"|$)|[()]|[^\\"()]+|\\/gs)) {
    if (piece === '(') depth += 1
    else if (depth === 0) kept += piece
    else if (piece === ')') depth -= 1
  }
  return kept
}

const withoutQuotes = (field: string): string => field.replace(/\\.|"(?:[^"\\]|\\.)*(?:"|$)/gs, ' ')
