import type { Configuration, KoaContextWithOIDC, Provider } from 'oidc-provider'
import { errors } from 'oidc-provider'
import { isLoopback } from '../config/parsers.ts'
import { type Notice, noticePage } from '../web/notice-page.ts'
import { documentOf, pageHeaders } from '../web/page.ts'

/**
 * An error before the person was asked is shown to them and not sent on: whoever may register can give any address, and
 * a link to this host would lead there without a question (RFC 9700 §4.11.2). A program on the same computer is told,
 * since it waits for the answer and no stranger's page can listen there.
 */
export function keepErrorsHere(provider: Provider): void {
  provider.on('authorization.error', ({ oidc }, error) => {
    if (oidc.route !== 'authorization' || isOnThisComputer(oidc.params?.redirect_uri)) return
    error.allow_redirect = false
  })
}

const isOnThisComputer = (redirectUri: unknown): boolean => {
  const url = URL.parse(String(redirectUri))
  return url !== null && url.protocol === 'http:' && isLoopback(url.hostname)
}

/** The page for an authorization request that cannot go on. */
export const renderError: NonNullable<Configuration['renderError']> = (ctx, out, error) => {
  const page = noticePage(noticeFor(ctx, out, error))
  ctx.set(pageHeaders(page))
  if (ctx.status < 400) ctx.status = 400 // what was to be a redirect
  ctx.body = documentOf(page)
}

type ErrorOut = Parameters<NonNullable<Configuration['renderError']>>[1]

function noticeFor(ctx: KoaContextWithOIDC, out: ErrorOut, error: Error): Notice {
  const reason = out.error_description ? `${out.error}: ${out.error_description}` : out.error
  if (!(error instanceof errors.InvalidClient)) return { ...WRONG_REQUEST, detail: reason }
  const clientId = String(ctx.oidc?.params?.client_id ?? '')
  return clientId.startsWith('https:') ? unreadable(clientId, reason) : FORGOTTEN
}

const WRONG_REQUEST = {
  title: 'This sign-in cannot go on',
  text: [
    'The application sent a request that is not right. Nothing was granted. Start again in the application; if it happens again, tell its makers what stands here:'
  ]
} as const

/** Clients keep the id of their registration, and few of them ask for a new one by themselves. */
const FORGOTTEN: Notice = {
  title: 'Your application must register again',
  text: [
    'It used the name of a registration that this gateway does not have: it is from another gateway, or nobody has used it for a year. Nothing was granted, and nothing is wrong with your account.',
    'Let the application forget what it knows of this server, then connect it again. In most applications that means to remove the server and to add it again; some have a command for it:'
  ],
  list: [
    { term: 'Claude Code', code: 'claude mcp logout NAME' },
    { term: 'Codex', code: 'codex mcp logout NAME' },
    { term: 'Gemini CLI', code: 'rm ~/.gemini/mcp-oauth-tokens.json' },
    { term: 'opencode', code: 'opencode mcp logout NAME' },
    { term: 'mcp-remote', code: 'rm -r ~/.mcp-auth' }
  ]
}

const unreadable = (clientId: string, reason: string): Notice => ({
  title: 'Your application could not be looked up',
  text: [
    `It describes itself at ${URL.parse(clientId)?.host ?? 'an address of its own'}, and this gateway could not read that description just now. Nothing was granted.`,
    'Try again in a moment. If it stays so, the gateway has no way out to the internet: its operator should see CLIENT_DOCUMENTS in the settings, and you can connect with a personal token from your account page meanwhile.'
  ],
  detail: reason
})
