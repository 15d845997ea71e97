import { OAuth2Client } from 'google-auth-library'
import { ToolError } from '#shared/tool-error.ts'
import type { AccessTokenCache } from './access-token-cache.ts'

type Request = Parameters<OAuth2Client['request']>[0]

/** What the client of the Gmail API makes for itself; `gmailOrigin` stands in for it. */
const GMAIL = 'https://gmail.googleapis.com'
const UNAUTHORIZED = 401

/**
 * The way to Google: puts the account's bearer token on each request and lets none leave for another origin than
 * `gmailOrigin`. A 401 is answered once with a new token. With `fetchImplementation` it goes
 * over other connections than the machine's own. It is the seam that also catches uploads, which a root URL
 * does not redirect.
 */
export function openTransport(
  bearer: AccessTokenCache,
  gmailOrigin: string,
  fetchImplementation = fetch
): OAuth2Client {
  const allowed = new URL(gmailOrigin).origin

  class Transport extends OAuth2Client {
    protected override async requestAsync<T>(options: Request) {
      const token = await bearer.token()
      try {
        return await this.#send<T>(options, token)
      } catch (error) {
        if (!isUnauthorized(error)) throw error
        const another = await bearer.token(token)
        return this.#send<T>(options, another).catch((again: unknown) => {
          throw another === token && isUnauthorized(again) ? refusedForNow(again) : again
        })
      }
    }

    #send<T>(options: Request, token: string) {
      const headers = new Headers(options.headers)
      headers.set('authorization', `Bearer ${token}`)
      return this.transporter.request<T>({ ...options, headers })
    }
  }

  const transport = new Transport({
    // A redirect would lead past the guard below.
    transporterOptions: { fetchImplementation, redirect: 'error', retry: false }
  })
  transport.transporter.interceptors.request.add({
    resolved: async (request) => {
      const { origin, pathname, search } = request.url
      if (origin !== GMAIL && origin !== allowed)
        throw new Error('A request would have left for an origin that is not allowed.')
      request.url = new URL(pathname + search, allowed)
      return request
    }
  })
  return transport
}

/** There is no newer token yet, so it is not known whether the grant has ended. */
const refusedForNow = (cause: unknown): ToolError =>
  new ToolError('upstream_unavailable', 'Google refuses what it gave a moment ago; try again.', {
    cause,
    retryAfterMs: 10_000
  })

const isUnauthorized = (error: unknown): boolean =>
  error instanceof Error && 'status' in error && error.status === UNAUTHORIZED
