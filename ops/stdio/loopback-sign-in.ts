import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AccessLevel, googleScopesFor } from '#shared/access-levels.ts'
import type {
  FlowSecrets,
  Google,
  GoogleAccess,
  GoogleProfile
} from '../../gateway/accounts/google-oidc.ts'

export interface LoopbackSignInParts {
  readonly google: Google
  /** 0 takes any free one, which Google allows for clients of the kind "Desktop app". */
  readonly port: number
  readonly level: AccessLevel
  readonly say: (line: string) => void
  /** Lets the person in; false when not. */
  readonly admit: (arrival: { profile: GoogleProfile; access: GoogleAccess }) => Promise<boolean>
}

export interface LoopbackSignIn {
  /** Where the person's browser begins. */
  readonly url: string
  /** Resolves once somebody has been let in. */
  readonly done: Promise<void>
  /** May be called more than once. */
  close(): Promise<void>
}

/** Google's sign-in with a browser on this machine (RFC 8252 §7.3), on a port that closes at its end. */
export async function openLoopbackSignIn(parts: LoopbackSignInParts): Promise<LoopbackSignIn> {
  const done = Promise.withResolvers<void>()
  let visit: FlowSecrets | undefined
  const server = createServer((request, response) => {
    serve(request, response).catch(() => {
      if (!response.headersSent) page(response, 502, 'Google does not answer; try again.')
    })
  })
  server.listen(parts.port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const origin = `http://127.0.0.1:${port}`

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const at = new URL(request.url ?? '/', origin)
    // Another name for this address would be a page that rebound its own name to it.
    if (request.headers.host !== new URL(origin).host) return page(response, 403, 'Wrong host.')
    if (at.pathname === '/') return leave(response)
    if (at.pathname !== '/oauth2callback' || !visit) return page(response, 404, 'Nothing is here.')
    await arrive(at, visit, response)
  }
  const leave = async (response: ServerResponse): Promise<void> => {
    const begun = await parts.google.beginVisit({
      redirectUri: `${origin}/oauth2callback`,
      scopes: googleScopesFor(parts.level),
      forceConsent: true
    })
    visit = begun.visit
    response.writeHead(303, { location: begun.url }).end()
  }
  const arrive = async (at: URL, begun: FlowSecrets, response: ServerResponse): Promise<void> => {
    visit = undefined // good once
    const arrival = await parts.google.finishVisit(at, begun).catch(() => undefined)
    if (!arrival) return page(response, 400, 'This sign-in was denied or is too old. Begin again.')
    if (!(await parts.admit(arrival)))
      return page(
        response,
        403,
        'This account is not allowed, or it did not allow access to Gmail.'
      )
    page(response, 200, 'You are signed in. You can close this page.')
    done.resolve()
    server.close()
  }

  parts.say(`To sign in, open ${origin}/`)
  openBrowser(`${origin}/`)
  return {
    url: `${origin}/`,
    done: done.promise,
    async close() {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    }
  }
}

function page(response: ServerResponse, status: number, text: string): void {
  const headers = {
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    connection: 'close'
  }
  response.writeHead(status, headers).end(`${text}\n`)
}

/** Where there is no browser, the line that was said must do. */
function openBrowser(url: string): void {
  if (process.env.BROWSER === 'none') return
  const program = process.platform === 'darwin' ? 'open' : 'xdg-open'
  const browser = spawn(program, [url], { stdio: 'ignore', detached: true })
  browser.on('error', () => {})
  browser.unref()
}
