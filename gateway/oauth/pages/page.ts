import { createHash } from 'node:crypto'
import { Html, html } from './html.ts'

export interface Page {
  readonly title: string
  readonly body: Html
  /** Origins or schemes beside our own that a form of this page may lead to. */
  readonly formTargets?: readonly string[]
}

const STYLE = `
:root { color-scheme: light dark; --text: #1d2433; --soft: #5b6475; --ground: #f6f7f9; --card: #fff; --line: #d9dde5; --accent: #1a56db; --on-accent: #fff; --warn: #8a4b00; --warn-ground: #fff4e0 }
@media (prefers-color-scheme: dark) { :root { --text: #e8ebf1; --soft: #a4adbd; --ground: #14171d; --card: #1d2129; --line: #363c48; --accent: #8ab4ff; --on-accent: #10131a; --warn: #ffcf8a; --warn-ground: #33260f } }
* { box-sizing: border-box }
body { margin: 0; padding: 2rem 1rem; background: var(--ground); color: var(--text); font: 1rem/1.5 system-ui, sans-serif }
main { max-width: 44rem; margin: 0 auto; padding: 1.5rem; background: var(--card); border: 1px solid var(--line); border-radius: .75rem }
h1 { margin: 0 0 1rem; font-size: 1.35rem; line-height: 1.3 }
h2 { margin: 2rem 0 .5rem; font-size: 1.1rem }
p, ul, dl, fieldset, table { margin: 0 0 1rem }
code { font-size: .9em; overflow-wrap: anywhere }
dt { color: var(--soft); font-size: .9rem }
dd { margin: 0 0 .5rem; overflow-wrap: anywhere }
fieldset { border: 1px solid var(--line); border-radius: .5rem; padding: .5rem 1rem }
fieldset label { display: flex; gap: .6rem; align-items: baseline; padding: .35rem 0 }
table { width: 100%; border-collapse: collapse }
th, td { padding: .4rem .5rem .4rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; overflow-wrap: break-word }
td form { margin: 0 }
input, select, button { font: inherit; color: inherit }
input:not([type=radio]), select { padding: .45rem .6rem; background: var(--ground); border: 1px solid var(--line); border-radius: .4rem; max-width: 100%; margin: .15rem 0 }
button, .button { display: inline-block; padding: .5rem 1rem; border: 1px solid var(--line); border-radius: .4rem; background: transparent; cursor: pointer; text-decoration: none; white-space: nowrap; color: inherit }
button.main { background: var(--accent); border-color: var(--accent); color: var(--on-accent) }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
.soft { color: var(--soft); font-size: .9rem }
.warning { padding: .75rem 1rem; border-left: 4px solid var(--warn); background: var(--warn-ground); color: var(--warn); border-radius: .25rem }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; align-items: center }
`

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64')

/** A whole document: no script, no picture, nothing from elsewhere. */
export const documentOf = ({ title, body }: Page): string =>
  html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${new Html(STYLE)}</style>
</head>
<body><main><h1>${title}</h1>${body}</main></body>
</html>
`.text

/**
 * The headers that a page of ours carries. Browsers hold redirects that follow a form to `form-action`
 * as well, so the places where a sign-in may end are named there.
 */
export const pageHeaders = ({ formTargets = [] }: Page): Record<string, string> => ({
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': [
    "default-src 'none'",
    `style-src 'sha256-${STYLE_HASH}'`,
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
