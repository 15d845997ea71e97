import { createHash } from 'node:crypto'
import { Html, html } from './html.ts'
import { COPY_SCRIPT, STYLE } from './page-assets.ts'

export interface Page {
  readonly title: string
  readonly body: Html
  /** Origins or schemes beside our own that a form of this page may lead to. */
  readonly formTargets?: readonly string[]
  /** Whether there is something to be copied at a click; without a script it can be selected by one. */
  readonly hasCopies?: boolean
}

const hashOf = (text: string): string =>
  `'sha256-${createHash('sha256').update(text).digest('base64')}'`
const STYLE_HASH = hashOf(STYLE)
const COPY_HASH = hashOf(COPY_SCRIPT)

/** A whole document: no picture, nothing from elsewhere, and a script for the copy buttons alone. */
export const documentOf = ({ title, body, hasCopies }: Page): string =>
  html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${new Html(STYLE)}</style>
</head>
<body><main><h1>${title}</h1>${body}</main>${hasCopies ? html`<script>${new Html(COPY_SCRIPT)}</script>` : undefined}</body>
</html>
`.text

/**
 * The headers that a page of ours carries. Browsers hold redirects that follow a form to `form-action`
 * as well, so the places where a sign-in may end are named there.
 */
export const pageHeaders = ({ formTargets = [], hasCopies }: Page): Record<string, string> => ({
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': [
    "default-src 'none'",
    `style-src ${STYLE_HASH}`,
    ...(hasCopies ? [`script-src ${COPY_HASH}`] : []),
    `form-action ${["'self'", ...formTargets].join(' ')}`,
    "frame-ancestors 'none'",
    "base-uri 'none'"
  ].join('; '),
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  // Not `no-referrer`: with it browsers send `Origin: null` with our own forms.
  'referrer-policy': 'same-origin'
})

/** Undefined for an address whose origin would not be safe inside a header. */
export function formTarget(address: string): string | undefined {
  const url = URL.parse(address)
  if (!url) return undefined
  const target = ['http:', 'https:'].includes(url.protocol) ? url.origin : url.protocol
  return /^[a-z0-9.+:/[\]-]+$/.test(target) ? target : undefined
}

/** A text to be taken elsewhere: a click selects all of it, and a button copies it where scripts run. */
export const copyable = (text: string, label: string): Html =>
  html`<div class="copy"><code class="take" tabindex="0" role="group" aria-label="${label}">${text}</code><button type="button" hidden data-copy aria-label="Copy ${label}">Copy</button></div>`
