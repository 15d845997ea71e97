import * as z from 'zod'
import type { Person } from './client.ts'

const MOST_STEPS = 25
const PATIENCE_MS = 20_000

/**
 * A person with a browser: agrees on the gateway's page, chooses an account of the stand-in for Google and agrees
 * there, and goes back to the client.
 */
export const scriptedPerson = (email: string, level?: string): Person => ({
  async signIn(address) {
    await walk(new URL(address), { email, level, isEnd: () => false })
  }
})

interface Choices {
  readonly email: string
  readonly level: string | undefined
  /** Addresses that are not visited; the walk ends there. */
  readonly isEnd: (url: URL) => boolean
}

/** Gives the address where it ended. */
async function walk(start: URL, { email, level, isEnd }: Choices): Promise<URL> {
  const cookies = new Map<string, Map<string, string>>()
  let at = start
  let init: RequestInit = {}
  for (let step = 0; step < MOST_STEPS; step += 1) {
    if (isEnd(at)) return at
    const response = await visit(cookies, at, init)
    const location = response.headers.get('location')
    init = {}
    if (location) {
      await response.body?.cancel()
      at = new URL(location, at)
      continue
    }
    const page = await response.text()
    if (response.ok && !/<form/i.test(page)) return at
    if (!response.ok) throw new Error(`${response.status}: ${textOf(page)}`)
    const form = answerTo(page, email, level)
    init = { method: 'POST', body: form, headers: { origin: at.origin, referer: at.href } }
    at = new URL(entities(/<form[^>]*\baction="([^"]*)"/i.exec(page)?.[1] ?? at.href), at)
  }
  throw new Error('The sign-in does not end.')
}

const textOf = (page: string): string =>
  page
    .replace(/<style[\s\S]*?<\/style>|<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 200)

async function visit(
  cookies: Map<string, Map<string, string>>,
  at: URL,
  init: RequestInit
): Promise<Response> {
  // Cookies are kept for each host, whatever the port (RFC 6265 §8.5).
  const jar = cookies.get(at.hostname) ?? new Map<string, string>()
  cookies.set(at.hostname, jar)
  const headers = new Headers(init.headers)
  headers.set('user-agent', 'Mozilla/5.0 (scripted person)')
  if (jar.size > 0) headers.set('cookie', [...jar].map(([k, v]) => `${k}=${v}`).join('; '))
  const signal = AbortSignal.timeout(PATIENCE_MS)
  const response = await fetch(at, { ...init, headers, redirect: 'manual', signal }).catch(
    (cause: unknown) => {
      throw new Error(`${at.origin}${at.pathname} does not answer: ${reasonOf(cause)}`, { cause })
    }
  )
  for (const line of response.headers.getSetCookie()) {
    const [pair = ''] = line.split(';')
    const equals = pair.indexOf('=')
    if (/max-age=0\b|expires=Thu, 01 Jan 1970/i.test(line)) jar.delete(pair.slice(0, equals))
    else jar.set(pair.slice(0, equals), pair.slice(equals + 1))
  }
  return response
}

const reasonOf = (error: unknown): string =>
  error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)

/** The form as the page has it, with yes said to everything. */
function answerTo(page: string, email: string, level: string | undefined): URLSearchParams {
  const form = new URLSearchParams()
  if (/name="account"/.test(page)) {
    form.set('account', email)
    for (const [, scope = ''] of page.matchAll(/name="scope" value="([^"]*)"/g))
      form.append('scope', entities(scope))
  } else {
    for (const [tag] of page.matchAll(/<input[^>]*>/g)) {
      const name = /\bname="([^"]*)"/.exec(tag)?.[1]
      const isOff = /type="(radio|checkbox)"/.test(tag) && !/\bchecked\b/.test(tag)
      if (name && !isOff) form.append(name, entities(/\bvalue="([^"]*)"/.exec(tag)?.[1] ?? ''))
    }
    if (level !== undefined) form.set('level', level)
  }
  form.set('decision', 'allow')
  return form
}

const entities = (text: string): string =>
  text.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&')

const Registration = z.object({ client_id: z.string() })
const Tokens = z.object({ access_token: z.string() })

/** An access token of a level, by the gateway's own OAuth, for clients that take a header only. */
export async function tokenOfLevel(origin: string, email: string, level: string): Promise<string> {
  const redirect = 'http://127.0.0.1:9/callback'
  const verifier = 'a-verifier-that-nobody-else-can-use-since-nobody-listens-here'
  const challenge = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))
  const registered = await fetch(`${origin}/oauth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_name: 'Lab', redirect_uris: [redirect] })
  })
  const { client_id } = Registration.parse(await registered.json())
  const url = new URL(`${origin}/oauth/authorize`)
  const parameters = {
    response_type: 'code',
    client_id,
    redirect_uri: redirect,
    code_challenge: Buffer.from(challenge).toString('base64url'),
    code_challenge_method: 'S256',
    scope: level,
    state: 'lab',
    resource: `${origin}/mcp`
  }
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  // Nobody listens at the redirect; its address is all that is wanted.
  const back = await walk(url, { email, level, isEnd: ({ href }) => href.startsWith(redirect) })
  const answer = await fetch(`${origin}/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: back.searchParams.get('code') ?? '',
      client_id,
      redirect_uri: redirect,
      code_verifier: verifier,
      resource: `${origin}/mcp`
    })
  })
  return Tokens.parse(await answer.json()).access_token
}
