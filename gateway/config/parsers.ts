/** The grammar of single settings: durations, sizes, lists, URLs. */
import { isIP } from 'node:net'
import * as z from 'zod'
import { nearNames } from '#shared/near-names.ts'

const MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const BYTES = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 } as const

/** `2s`, `10m`, `24h` … as milliseconds. */
export const duration = quantity(MS, 'a duration such as 2s, 10m or 24h').refine(
  (ms) => ms <= 36_500 * MS.d,
  'must be at most 36500d'
)

/** For what makes no sense at 0; give it to `refine`. */
export const some: [(amount: number) => boolean, string] = [
  (amount) => amount > 0,
  'must be more than 0'
]

/** `96MiB`, `2GiB` … as bytes. */
export const size = quantity(BYTES, 'a size such as 64KiB, 96MiB or 2GiB')

/** A whole number within bounds. */
export const whole = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d+$/, `must be a whole number from ${least} to ${most}`)
    .transform(Number)
    .refine((n) => n >= least && n <= most, `must be a whole number from ${least} to ${most}`)

/** A thing that is there or not. */
export const onOff = z.enum(['on', 'off'], 'must be on or off').transform((word) => word === 'on')

export const port = whole(0, 65_535)

/** A duration that a timer can hold: after more than 24 days it would go off at once. */
export const timer = duration.refine((ms) => ms <= 86_400_000, 'must be at most 24h')

/** A bearer token that somebody chose: long, and not one letter again and again. */
export const token = z
  .string()
  .min(24, 'must have at least 24 characters')
  .refine(
    (text) => new Set(text).size >= 8,
    'must be random, with more than a few different characters; e.g. from `openssl rand -hex 32`'
  )

/** Certificates or a key as PEM (RFC 7468). */
export const pem = z
  .string()
  .regex(/-----BEGIN [A-Z ]+-----[^-]+-----END [A-Z ]+-----/, 'must be in PEM form')

/** Values separated by commas or lines; empty ones are dropped, and what stands after a #. */
export const list = z.string().transform((text) =>
  text
    .replaceAll(/#.*$/gm, '')
    .split(/[,\n]/)
    .map((item) => item.trim())
    .filter((item) => item !== '')
)

/** Words of a list that is known, separated by commas; what is none of them is told with those that there are. */
export const among = <W extends string>(words: readonly [W, ...W[]], what: string) =>
  list.transform((given, context): W[] => {
    const unknown = given.filter((word) => !words.some((known) => known === word))
    if (unknown.length === 0) return words.filter((word) => given.includes(word))
    const near = unknown.flatMap((word) => nearNames(word, words).slice(0, 1))
    const hint = near.length > 0 ? ` (did you mean ${near.join(', ')}?)` : ''
    context.addIssue({
      code: 'custom',
      message: `names no ${what}: ${unknown.join(', ')}${hint}. There are: ${words.join(', ')}`
    })
    return z.NEVER
  })

/** Ports separated by commas. */
export const ports = list.pipe(z.array(port))

/** Addresses of mail. One that is none would let nobody in, and nobody would hear why. */
export const emails = list.pipe(
  z.array(
    z.string().regex(/^[^\s@]+@[^\s@]+$/, 'must list addresses of mail such as anna@example.com')
  )
)

/** Where mail may go: addresses, and domains as `@example.com`. */
export const recipients = list.pipe(
  z.array(
    z
      .string()
      .regex(
        /^[^\s@]*@[^\s@]+$/,
        'must list addresses such as anna@example.com, or domains such as @example.com'
      )
  )
)

const DOMAIN = /^[\p{L}\p{N}-]+(\.[\p{L}\p{N}-]+)+$/u

/** Domains of Google Workspace, as Google names them. */
export const domains = list.pipe(
  z.array(z.string().regex(DOMAIN, 'must list domains such as example.com, without @'))
)

/** Values of the header Host (RFC 9110, 7.2). */
export const hosts = list.pipe(
  z.array(
    z
      .string()
      .regex(
        /^([\p{L}\p{N}._-]+|\[[0-9a-f:.]+\])(:\d+)?$/iu,
        'must list hosts such as mail.example.com or 10.0.0.5:3006, without a scheme'
      )
  )
)

/** Values of the header Origin (RFC 6454, 7): what a browser sends has no slash at its end. */
export const origins = list.pipe(
  z.array(
    z
      .string()
      .refine(
        (text) => URL.canParse(text) && isSerialized(text),
        'must list origins such as https://app.example.com, without a path'
      )
  )
)

/** Words that people read, on one line. */
export const line = (most: number) =>
  z
    .string()
    .trim()
    .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+$/u, 'must be one line of plain text')
    .max(most, `must have at most ${most} characters`)

/** Where people can ask: an address of mail or of the web. */
export const contact = z.union(
  [z.email(), z.url({ protocol: /^https$/ })],
  'must be an address of mail, or a URL with https'
)

/** Addresses, networks, or the names that proxy-addr has for networks. A name would be looked up by nobody. */
export const proxies = list.pipe(
  z.array(
    z
      .string()
      .refine(
        isProxy,
        'must list addresses or networks such as 10.0.0.0/8, or loopback, linklocal, uniquelocal'
      )
  )
)

/** An origin without path. Plain http is for this machine only: tokens travel over it. */
export const origin = z
  .string()
  .refine((text) => URL.canParse(text), 'must be a URL such as https://mail.example.com')
  .transform((text) => new URL(text))
  .refine(
    (url) => url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '',
    'must be an origin: scheme and host, no path'
  )
  .refine(
    (url) => url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname)),
    'must be https (http only for localhost)'
  )
  .transform((url) => url.origin)

/** Where an HTTP proxy is. Its user and password may stand in it, so it is never logged. */
export const proxyUrl = z
  .string()
  .refine(
    (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol),
    'must be the URL of an HTTP proxy such as http://proxy.example.com:3128'
  )

export const isLoopback = (hostname: string): boolean =>
  hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)

/** A page of an extension has an origin as well, which the URL standard calls opaque. */
function isSerialized(text: string): boolean {
  const { origin, protocol, host } = new URL(text)
  return text.toLowerCase() === (origin === 'null' ? `${protocol}//${host}` : origin)
}

function isProxy(text: string): boolean {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(text)) return true
  const [address = '', bits, ...rest] = text.split('/')
  const family = isIP(address)
  if (family === 0 || rest.length > 0) return false
  if (bits === undefined) return true
  return /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)
}

function quantity(units: Record<string, number>, what: string) {
  const form = new RegExp(`^(\\d+)(${Object.keys(units).join('|')})$`)
  return z.string().transform((text, context) => {
    const [, count, unit] = form.exec(text) ?? []
    const factor = units[unit ?? '']
    const amount = count === undefined || factor === undefined ? undefined : Number(count) * factor
    if (Number.isSafeInteger(amount) && amount !== undefined) return amount
    context.addIssue({ code: 'custom', message: `must be ${what}` })
    return z.NEVER
  })
}
