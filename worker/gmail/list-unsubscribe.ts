/** How a message of a list says that one leaves the list (RFC 2369, section 3.2; RFC 8058). */
import type { Message } from './mailbox.ts'
import { headerValues } from './read-message.ts'

/** A message that leaves a list (RFC 6068). */
export interface LeavingMail {
  readonly to: string
  readonly subject: string
  readonly body: string
}

/** The ways that there are; all of them the sender's words. */
export interface WaysOut {
  /** An address that takes RFC 8058's request, of a message that is proved to be its domain's. */
  readonly oneClick?: string
  /** Why there is none although the message names one. */
  readonly whyNot?: string
  readonly mailto?: LeavingMail
  /** To be opened by a person. */
  readonly link?: string
}

const MAX_URL_CHARS = 2000
const MAX_URIS = 20
/** RFC 8058, section 3.1: exactly this. */
const ONE_CLICK = /^list-unsubscribe=one-click$/i
/** RFC 8058, section 4: a valid signature has to cover both fields. */
const COVERED = ['list-unsubscribe', 'list-unsubscribe-post']

/** Reads them from the header of a message, which is to be whole. */
export function waysOut(message: Message): WaysOut {
  const uris = headerValues(message, 'list-unsubscribe')
    .flatMap((value) => [...value.matchAll(/<([^<>]+)>/g)])
    .map(([, uri = '']) => uri.replace(/\s+/g, ''))
    .filter((uri) => uri.length <= MAX_URL_CHARS)
    .slice(0, MAX_URIS)
  const urls = uris.flatMap((uri) => (/^https?:/i.test(uri) ? (urlOf(uri) ?? []) : []))
  const secure = urls.find(({ protocol }) => protocol === 'https:')
  const isOneClick = headerValues(message, 'list-unsubscribe-post').some((value) =>
    ONE_CLICK.test(value.trim())
  )
  const mailto = uris.map(leavingMail).find((mail) => mail !== undefined)
  const link = secure ?? urls[0]
  return {
    ...(isOneClick && secure && oneClickOf(message, secure)),
    ...(mailto && { mailto }),
    ...(link && { link: link.href })
  }
}

function oneClickOf(message: Message, url: URL): Pick<WaysOut, 'oneClick' | 'whyNot'> {
  const domains = provenDomains(message)
  if (domains.size === 0)
    return { whyNot: 'Gmail did not find a valid DKIM signature, so anybody may have written it' }
  const isCovered = headerValues(message, 'dkim-signature').some((signature) => {
    const tags = tagsOf(signature)
    const fields = (tags.get('h') ?? '').toLowerCase().split(/\s*:\s*/)
    return (
      domains.has((tags.get('d') ?? '').toLowerCase()) &&
      COVERED.every((field) => fields.includes(field))
    )
  })
  if (!isCovered)
    return { whyNot: 'its DKIM signature does not cover the fields that say how to leave the list' }
  return { oneClick: url.href }
}

/**
 * Domains whose DKIM signature Gmail found valid: `d=` of RFC 6376, from the Authentication-Results (RFC 8601) on top, which Gmail's own
 * servers put there. One further below may be the sender's.
 */
function provenDomains(message: Message): Set<string> {
  const [newest = ''] = headerValues(message, 'authentication-results')
  const [server = '', ...results] = newest.replace(/\([^()]*\)/g, ' ').split(';')
  if (server.trim().toLowerCase().split(/\s+/)[0] !== 'mx.google.com') return new Set()
  return new Set(
    results.flatMap((result) => {
      if (!/^\s*dkim\s*=\s*pass\b/i.test(result)) return []
      const [, domain = ''] = /\bheader\.(?:i=[^\s@]*@|d=)([\w.-]+)/i.exec(result) ?? []
      return domain === '' ? [] : domain.toLowerCase()
    })
  )
}

/** RFC 6376, section 3.2. */
const tagsOf = (signature: string): Map<string, string> =>
  new Map(
    signature.split(';').flatMap((tag) => {
      const at = tag.indexOf('=')
      return at < 0 ? [] : [[tag.slice(0, at).trim(), tag.slice(at + 1).trim()] as const]
    })
  )

function leavingMail(uri: string): LeavingMail | undefined {
  const [, written = '', query = ''] = /^mailto:([^?]*)\??(.*)$/i.exec(uri) ?? []
  const to = decoded(written)
  // One address alone: a list that is left by writing to others is none.
  if (!/^[^\s@,;<>"]+@[^\s@,;<>"]+$/.test(to)) return undefined
  const fields = new Map(
    query.split('&').map((pair) => {
      const [name = '', ...value] = pair.split('=')
      return [name.toLowerCase(), decoded(value.join('='))] as const
    })
  )
  const line = (text: string | undefined) =>
    (text ?? '')
      .replace(/[\p{Cc}\s]+/gu, ' ')
      .trim()
      .slice(0, 500)
  return {
    to,
    subject: line(fields.get('subject')) || 'unsubscribe',
    body: (fields.get('body') ?? '').replace(/[^\P{Cc}\n]/gu, '').slice(0, 2000) || 'unsubscribe'
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function urlOf(text: string): URL | undefined {
  const url = URL.parse(text)
  return url && url.username === '' && url.password === '' ? url : undefined
}
