/** A person's browser for tests: keeps cookies for each host (whatever the port, RFC 6265 §8.5), follows no redirect by itself. */
export class Browser {
  readonly #cookies = new Map<string, Cookie[]>()

  /** One request with this browser's cookies; redirects are answers like any other. */
  async fetch(url: string | URL, init: RequestInit = {}): Promise<Response> {
    const to = new URL(url)
    const headers = new Headers(init.headers)
    const cookie = this.#cookiesFor(to)
    if (cookie) headers.set('cookie', cookie)
    const response = await fetch(to, { ...init, headers, redirect: 'manual' })
    this.#keep(to, response.headers.getSetCookie())
    return response
  }

  /** GET and go on for as long as the answer is a redirect and `until` does not hold for its target. */
  async follow(url: string | URL, until: (target: URL) => boolean = () => false): Promise<Visit> {
    let at = new URL(url)
    for (let hops = 0; hops < 20; hops += 1) {
      const response = await this.fetch(at)
      const next = redirectOf(response, at)
      if (!next) return { url: at, response }
      await response.body?.cancel()
      if (until(next)) return { url: next, response }
      at = next
    }
    throw new Error('too many redirects')
  }

  /** Sends a form as the page at `from` would, and follows where it leads. */
  async submit(
    action: string | URL,
    fields: Record<string, string | readonly string[]>,
    from: URL,
    until?: (target: URL) => boolean
  ): Promise<Visit> {
    const to = new URL(action, from)
    const body = new URLSearchParams(
      Object.entries(fields).flatMap(([name, value]) =>
        [value].flat().map((one): [string, string] => [name, one])
      )
    )
    const response = await this.fetch(to, {
      method: 'POST',
      body,
      headers: { origin: from.origin }
    })
    const next = redirectOf(response, to)
    if (!next) return { url: to, response }
    await response.body?.cancel()
    return until?.(next) ? { url: next, response } : this.follow(next, until)
  }

  /** The Cookie header that would go to `url`. */
  cookieHeader(url: string | URL): string {
    return this.#cookiesFor(new URL(url))
  }

  /** The names of the cookies that would go to `url`. */
  cookieNames(url: string | URL): string[] {
    return this.#matching(new URL(url)).map(({ name }) => name)
  }

  #cookiesFor(url: URL): string {
    return this.#matching(url)
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ')
  }

  #matching(url: URL): Cookie[] {
    return (this.#cookies.get(url.hostname) ?? []).filter(
      ({ path }) => url.pathname === path || url.pathname.startsWith(path.replace(/\/?$/, '/'))
    )
  }

  #keep(url: URL, lines: readonly string[]): void {
    let kept = this.#cookies.get(url.hostname) ?? []
    for (const line of lines) {
      const cookie = parse(line)
      kept = kept.filter(({ name, path }) => name !== cookie.name || path !== cookie.path)
      if (!cookie.isGone) kept.push(cookie)
    }
    this.#cookies.set(url.hostname, kept)
  }
}

export interface Visit {
  readonly url: URL
  readonly response: Response
}

interface Cookie {
  readonly name: string
  readonly value: string
  readonly path: string
  readonly isGone: boolean
}

function parse(line: string): Cookie {
  const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
  const [name = '', value = ''] = split(pair)
  const attribute = (wanted: string) =>
    attributes.map(split).find(([key]) => key.toLowerCase() === wanted)?.[1]
  const expires = attribute('expires')
  const isGone =
    attribute('max-age') === '0' || (expires !== undefined && Date.parse(expires) < Date.now())
  return { name, value, path: attribute('path') ?? '/', isGone }
}

function split(text: string): [string, string] {
  const at = text.indexOf('=')
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

function redirectOf(response: Response, at: URL): URL | undefined {
  const location = response.headers.get('location')
  return location === null ? undefined : new URL(location, at)
}

/** The values of a page's form fields, by name; of radio buttons the checked one. */
export function formFields(page: string): Record<string, string> {
  const fields: Record<string, string> = {}
  for (const [tag] of page.matchAll(/<input[^>]*>/g)) {
    const name = /\bname="([^"]*)"/.exec(tag)?.[1]
    const isOff = /type="(radio|checkbox)"/.test(tag) && !/\bchecked\b/.test(tag)
    if (name !== undefined && !isOff) fields[name] = /\bvalue="([^"]*)"/.exec(tag)?.[1] ?? ''
  }
  return fields
}
