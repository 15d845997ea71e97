import type { Account } from '../sandbox-user.ts'
import type { AuthorizationRequest } from './authorization-request.ts'
import { describeScope, isIdentity } from './scopes.ts'

/**
 * The page where a person chooses an account and what to allow. It posts to its own address:
 * `account` (address), `scope` (once for each ticked box), `decision` (`allow` or `deny`).
 */
export function consentPage(request: AuthorizationRequest, accounts: readonly Account[]): string {
  const hinted = accounts.find(({ email, sub }) => [email, sub].includes(request.loginHint ?? ''))
  const chosen = hinted ?? accounts[0]
  const choices = accounts.map(
    (account) =>
      `<label><input type="radio" name="account" value="${escapeHtml(account.email)}"${account === chosen ? ' checked' : ''}> ${escapeHtml(account.name)} — ${escapeHtml(account.email)}</label>`
  )
  const boxes = request.scopes
    .filter((scope) => !isIdentity(scope))
    .map(
      (scope) =>
        `<label><input type="checkbox" name="scope" value="${escapeHtml(scope)}" checked> ${escapeHtml(describeScope(scope))}</label>`
    )
  return page(
    'Sign in to the sandbox',
    `<p>This is a stand-in for Google: no real account is involved.</p>
<form method="post">
<fieldset><legend>Choose an account</legend>${choices.join('')}</fieldset>
<fieldset><legend>Select what ${escapeHtml(new URL(request.redirectUri).host)} can access</legend>${boxes.join('')}</fieldset>
<button name="decision" value="deny">Cancel</button>
<button name="decision" value="allow">Continue</button>
</form>`
  )
}

/** Google's "Access blocked" page. */
export const refusalPage = (reason: string) =>
  page('Access blocked', `<p>Error 400: ${escapeHtml(reason)}</p>`)

const page = (title: string, content: string) => `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>body{font:16px/1.5 system-ui;max-width:34rem;margin:3rem auto;padding:0 1rem}label{display:block;margin:.4rem 0}fieldset{margin:1rem 0;border:1px solid #ccc;border-radius:8px}button{font:inherit;padding:.5rem 1.5rem;margin-right:.5rem}</style>
<h1>${title}</h1>
${content}
</html>`

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escapeHtml = (text: string) => text.replace(/[&<>"]/g, (found) => ESCAPES[found] ?? found)
