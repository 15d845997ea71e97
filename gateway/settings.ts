/** The grammar of single settings: durations, sizes, lists, URLs. */
import * as z from 'zod'

const MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const BYTES = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 } as const

/** `2s`, `10m`, `24h` … as milliseconds. */
export const duration = quantity(MS, 'a duration such as 2s, 10m or 24h')

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

/** Values separated by commas; empty ones are dropped. */
export const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
)

/** Ports separated by commas. */
export const ports = list.pipe(z.array(port))

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

function quantity(units: Record<string, number>, what: string) {
  const form = new RegExp(`^(\\d+)(${Object.keys(units).join('|')})$`)
  return z.string().transform((text, context) => {
    const [, count, unit] = form.exec(text) ?? []
    const factor = units[unit ?? '']
    if (count !== undefined && factor !== undefined) return Number(count) * factor
    context.addIssue({ code: 'custom', message: `must be ${what}` })
    return z.NEVER
  })
}
