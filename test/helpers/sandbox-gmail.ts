import type { Sandbox } from '../../ops/sandbox/sandbox.ts'

export interface GmailAnswer {
  readonly status: number
  readonly headers: Headers
  /** The parsed JSON; an empty object when there is none. Its shape is the test's to know. */
  // biome-ignore lint/suspicious/noExplicitAny: a test reads fields of many shapes, and fails where they are missing
  readonly body: any
}

export type GmailCaller = (
  request: `${string} ${string}`,
  body?: object | Buffer,
  headers?: Record<string, string>
) => Promise<GmailAnswer>

/** Calls the sandbox's Gmail as one account: `await call('GET messages?q=x')`. Paths begin below `users/me/`. */
export function gmailOf(sandbox: Sandbox, email: string, scopes: readonly string[]): GmailCaller {
  return gmailWith(sandbox, sandbox.issueGrant(email, scopes).accessToken)
}

/** The same with a token at hand. A path that begins with `/` is taken from the root. */
export function gmailWith({ url }: Sandbox, token: string): GmailCaller {
  return async (request, body, headers = {}) => {
    const [method = 'GET', path = ''] = request.split(' ', 2)
    const content = body === undefined || Buffer.isBuffer(body) ? body : JSON.stringify(body)
    const response = await fetch(
      path.startsWith('/') ? url + path : `${url}/gmail/v1/users/me/${path}`,
      {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers
        },
        ...(content === undefined ? {} : { body: content })
      }
    )
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json')
    return {
      status: response.status,
      headers: response.headers,
      body: isJson ? JSON.parse(text) : {}
    }
  }
}

/** A message as the API takes it: header lines, an empty line, text. */
export const rawMail = (...lines: readonly string[]) =>
  Buffer.from(lines.join('\r\n')).toString('base64url')
