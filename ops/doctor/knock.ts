import { once } from 'node:events'
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { isIP } from 'node:net'
import { type TLSSocket, connect as tls } from 'node:tls'
import { type DialParts, dialTo } from '../../gateway/launcher/dial.ts'

/** What was answered to one request. */
export interface Knocked {
  readonly status: number
  /** Of the other side's clock, when it was asked, in ms since the epoch: the middle of its second. */
  readonly theirs: number | undefined
  /** Of ours, in the middle of the request. */
  readonly ours: number
  /** The JSON of the answer; undefined when it is none. */
  readonly body: unknown
  /** When the other side's certificate ends, in ms since the epoch. */
  readonly certificateUntil: number | undefined
}

interface KnockOptions extends Pick<DialParts, 'proxy' | 'direct'> {
  /** Sent as a form with POST. */
  readonly form?: Readonly<Record<string, string>>
  readonly host?: string
}

const PATIENCE_MS = 10_000
/** Of an answer; more is not read. */
const MOST_BYTES = 256 * 1024

/**
 * One request over a connection of its own, on the way that the gateway and its workers take, redirects not
 * followed. Rejects with what the network or TLS said.
 */
export async function knock(address: string, options: KnockOptions = {}): Promise<Knocked> {
  const url = new URL(address)
  const { form, proxy, direct = [], host = url.host } = options
  const signal = AbortSignal.timeout(PATIENCE_MS)
  const socket = await dialTo({ origin: url.origin, proxy, direct })()
  const name = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const secured: TLSSocket | undefined =
    url.protocol === 'https:'
      ? tls({ socket, ...(isIP(name) === 0 && { servername: name }), host: name })
      : undefined
  const before = Date.now()
  const asked = request({
    method: form ? 'POST' : 'GET',
    path: `${url.pathname}${url.search}`,
    headers: {
      host,
      connection: 'close',
      ...(form && { 'content-type': 'application/x-www-form-urlencoded' })
    },
    createConnection: () => secured ?? socket,
    signal
  })
  try {
    asked.end(form && new URLSearchParams(form).toString())
    const [answer]: [IncomingMessage] = (await once(asked, 'response', { signal })) as never
    const ours = (before + Date.now()) / 2
    return {
      status: answer.statusCode ?? 0,
      theirs: timeIn(answer.headers),
      ours,
      body: await jsonOf(answer),
      certificateUntil: secured && Date.parse(secured.getPeerCertificate().valid_to)
    }
  } finally {
    asked.on('error', () => {}).destroy()
    socket.on('error', () => {}).destroy()
  }
}

/** Date is when the origin made the answer, Age how long caches have held it since (RFC 9110 §6.6.1, RFC 9111 §5.1). */
function timeIn({ date, age }: IncomingHttpHeaders): number | undefined {
  const made = Date.parse(date ?? '')
  if (Number.isNaN(made)) return undefined
  const heldMs = /^\d{1,9}$/.test(age ?? '') ? Number(age) * 1000 : 0
  return made + heldMs + 500
}

async function jsonOf(answer: IncomingMessage): Promise<unknown> {
  let text = ''
  for await (const chunk of answer.setEncoding('utf8')) {
    text += chunk
    if (text.length > MOST_BYTES) return undefined
  }
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
