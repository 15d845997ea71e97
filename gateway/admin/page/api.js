/** What the gateway refused, or that it does not answer. */
export class Refusal extends Error {
  /** @param {number} status 0 when nothing came back @param {string} code @param {string} message */
  constructor(status, code, message) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** The admin API of the gateway that this page came from. */
export class Api {
  #token
  #unauthorized
  #signal

  /**
   * @param {string} token
   * @param {AbortSignal} signal ends everything that is asked, and forgets the token
   * @param {() => void} unauthorized called when the token is not taken (any more)
   */
  constructor(token, signal, unauthorized) {
    this.#token = token
    this.#unauthorized = unauthorized
    this.#signal = signal
    signal.addEventListener('abort', () => {
      this.#token = ''
    })
  }

  /**
   * Asks, and gives the JSON of the answer. Throws a Refusal.
   * @param {string} method
   * @param {string} path
   * @param {{ reason?: string }} [options]
   * @returns {Promise<any>}
   */
  async ask(method, path, { reason } = {}) {
    const response = await this.#fetch(method, path, {
      ...(reason && { 'x-reason': headerBytes(reason) })
    })
    const body = await response.json().catch(() => ({}))
    if (response.ok) return body
    throw refusal(response, body)
  }

  /** The report of `/ready`, which answers 503 when it is not. @returns {Promise<any>} */
  async ready() {
    const response = await this.#fetch('GET', '/ready')
    const body = await response.json().catch(() => ({}))
    if (response.ok || body.checks) return body
    throw refusal(response, body)
  }

  /**
   * All of a list, page by page, as far as `most`; `isCut` when there is more.
   * @param {string} path @param {string} name of the list in the answer @param {number} [most]
   * @returns {Promise<{ rows: any[], isCut: boolean }>}
   */
  async all(path, name, most = 5000) {
    const rows = []
    let cursor
    do {
      const query = new URLSearchParams({ limit: '500', ...(cursor && { cursor }) })
      const page = await this.ask('GET', `${path}?${query}`)
      rows.push(...page[name])
      cursor = page.nextCursor
    } while (cursor && rows.length < most)
    return { rows, isCut: cursor !== undefined }
  }

  /**
   * Hears events until the stream ends.
   * @param {() => void} opened @param {(event: any) => void} hear
   */
  async events(opened, hear) {
    const response = await this.#fetch('GET', '/admin/events')
    if (!response.ok) throw refusal(response, await response.json().catch(() => ({})))
    opened()
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    for (;;) {
      const { value, done } = (await reader?.read()) ?? { done: true }
      if (done) return
      text += value
      const whole = text.split('\n\n')
      text = whole.pop() ?? ''
      for (const event of whole) {
        const data = /^data: (.*)$/m.exec(event)?.[1]
        if (data !== undefined) hear(JSON.parse(data))
      }
    }
  }

  /** @param {string} method @param {string} path @param {Record<string, string>} [headers] */
  async #fetch(method, path, headers = {}) {
    let response
    try {
      response = await fetch(path, {
        method,
        headers: { ...headers, authorization: `Bearer ${this.#token}` },
        credentials: 'omit',
        cache: 'no-store',
        redirect: 'error',
        signal: this.#signal
      })
    } catch {
      throw new Refusal(0, 'ERR_NO_ANSWER', 'The gateway does not answer.')
    }
    if (response.status === 401 && !this.#signal.aborted) this.#unauthorized()
    return response
  }
}

/** @param {Response} response @param {any} body */
const refusal = ({ status }, body) =>
  new Refusal(
    status,
    body.error?.code ?? 'ERR_ANSWER',
    body.error?.message ?? `The gateway answered ${status}.`
  )

/** A header is bytes, and the gateway reads these as UTF-8. @param {string} text */
const headerBytes = (text) =>
  String.fromCharCode(...new TextEncoder().encode(text.replaceAll(/\s+/g, ' ').trim()))
