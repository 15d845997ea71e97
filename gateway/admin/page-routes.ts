/** The operators' page at `/`: files as they are, for anybody; what they show takes a token. */
import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import type { FastifyInstance } from 'fastify'

const PAGE = new URL('page/', import.meta.url)
const TYPES = new Map([
  ['.css', 'text/css; charset=utf-8'],
  ['.html', 'text/html; charset=utf-8'],
  ['.js', 'text/javascript; charset=utf-8'],
  ['.svg', 'image/svg+xml']
])

/** Nothing inline, nothing from elsewhere, no text that becomes HTML, in nobody's frame (CSP 3, Trusted Types). */
const HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'"
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-cache'
}

/** Reads the page's files once. */
export function pageRoutes(app: FastifyInstance): void {
  const hidden = { schema: { hide: true } }
  for (const name of readdirSync(PAGE)) {
    const type = TYPES.get(extname(name))
    if (type === undefined) continue
    const content = readFileSync(new URL(name, PAGE))
    const url = name === 'index.html' ? '/' : `/page/${name}`
    app.get(url, hidden, async (_request, reply) => reply.headers(HEADERS).type(type).send(content))
  }
}
