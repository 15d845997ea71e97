import * as verbs from './verbs.js'

/** @typedef {Partial<import('./answers.ts').Failure>} Failed */

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
  /** Gateways that did not answer, by what was asked. @type {Map<string, readonly string[]>} */
  #unreached = new Map()

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
   * @template Answer
   * @param {import('./answers.ts').Asked<Answer>} asked
   * @param {{ reason?: string }} [options]
   * @returns {Promise<Answer>}
   */
  async ask({ method, path }, { reason } = {}) {
    const response = await this.#fetch(method, path, {
      ...(reason && { 'x-reason': headerBytes(reason) })
    })
    const body = await jsonOf(response)
    if (!response.ok) throw refusal(response, body)
    if (method === 'GET') this.#unreached.set(path.split('?')[0] ?? path, body.unreached ?? [])
    return body
  }

  /** Gateways that did not answer when something was asked last: what they have is not shown. */
  get unreached() {
    return [...new Set([...this.#unreached.values()].flat())].toSorted()
  }

  /** The report of `/ready`, which answers 503 when it is not. @returns {Promise<import('./answers.ts').Report>} */
  async ready() {
    const response = await this.#fetch('GET', '/ready')
    /** @type {import('./answers.ts').Report & Failed} */
    const report = await jsonOf(response)
    if (response.ok || report.checks) return report
    throw refusal(response, report)
  }

  /**
   * All of a list, page by page, as far as `most`; `isCut` when there is more.
   * @template {{ nextCursor?: string | undefined }} Page
   * @template Row
   * @param {(cursor?: string) => import('./answers.ts').Asked<Page>} page @param {(page: Page) => readonly Row[]} rowsOf
   * @param {number} [most]
   * @returns {Promise<{ rows: Row[], isCut: boolean }>}
   */
  async all(page, rowsOf, most = 5000) {
    /** @type {Row[]} */
    const rows = []
    /** @type {string | undefined} */
    let cursor
    do {
      const answer = await this.ask(page(cursor))
      rows.push(...rowsOf(answer))
      cursor = answer.nextCursor
    } while (cursor && rows.length < most)
    return { rows, isCut: cursor !== undefined }
  }

  /**
   * Hears events until the stream ends.
   * @param {() => void} opened @param {(event: import('./answers.ts').LiveEvent) => void} hear
   */
  async events(opened, hear) {
    const { method, path } = verbs.streamEvents()
    const response = await this.#fetch(method, path)
    if (!response.ok) throw refusal(response, await jsonOf(response))
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

/** The JSON of an answer. Throws a Refusal when it has none, as a proxy's answers do. @param {Response} response */
async function jsonOf(response) {
  try {
    return await response.json()
  } catch {
    throw refusal(response, {})
  }
}

/** @param {Response} response @param {Failed} body */
const refusal = ({ status }, { error }) =>
  new Refusal(
    status,
    error?.code ?? 'ERR_ANSWER',
    error?.message ?? `The gateway answered ${status}, and nothing that this page can read.`
  )

/** A header is bytes, and the gateway reads these as UTF-8. @param {string} text */
const headerBytes = (text) =>
  String.fromCharCode(...new TextEncoder().encode(text.replaceAll(/\s+/g, ' ').trim()))
