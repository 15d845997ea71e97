import { once } from 'node:events'
import { request as ask } from 'node:http'
import { request as askOverTls } from 'node:https'
import { connect, isIP, type Socket } from 'node:net'
import { type Duplex, pipeline, Transform } from 'node:stream'
import { CONNECTED } from '#shared/dial.ts'

/** Opens a connection to the one place that workers may reach. Rejects when it cannot be had in time. */
export type Dial = () => Promise<Duplex>

export interface DialParts {
  /** An origin: scheme, host and port. TLS is for the worker to speak, so that what passes here cannot be read. */
  readonly origin: string
  /** The URL of an HTTP proxy for https origins, from HTTPS_PROXY; it is asked with CONNECT (RFC 9110 §9.3.6). */
  readonly proxy?: string | undefined
  /** Hosts that are reached without it, from NO_PROXY. */
  readonly direct?: readonly string[]
}

const CONNECT_MS = 15_000
const PORTS: Readonly<Record<string, number>> = { 'https:': 443, 'http:': 80 }

/** The way to `origin`, and to nothing else. */
export function dialTo({ origin, proxy, direct = [] }: DialParts): Dial {
  const url = new URL(origin)
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const port = Number(url.port) || (PORTS[url.protocol] ?? 443)
  if (proxy === undefined || url.protocol !== 'https:' || isDirect(host, port, direct))
    return async () => opened(connect({ host, port, allowHalfOpen: true, noDelay: true }))
  const through = new URL(proxy)
  return () => tunnel(through, `${url.hostname}:${port}`)
}

/**
 * Whether NO_PROXY names the host: `*`, a name (which stands for what is below it as well), an address, each with or
 * without a port. What curl and most libraries agree on; there is no standard.
 */
export function isDirect(host: string, port: number, direct: readonly string[]): boolean {
  return direct.some((entry) => {
    const [, name = '', only] = /^(.*?)(?::(\d+))?$/.exec(isIP(entry) === 6 ? '' : entry) ?? []
    const wanted = (isIP(entry) === 6 ? entry : name).toLowerCase().replace(/^\*?\./, '')
    if (only !== undefined && Number(only) !== port) return false
    if (wanted === '*') return true
    return (
      wanted !== '' && (host.toLowerCase() === wanted || host.toLowerCase().endsWith(`.${wanted}`))
    )
  })
}

/**
 * Joins a worker's stream with a connection, until one of the two ends. Asked with each piece of what the worker has written:
 * once `mayPass` says no, it goes no further, and both end. A process may have been stopped in between for any time, and what
 * it finds in its buffers when it goes on is the work of somebody who has been deposed meanwhile.
 */
export async function join(
  stream: Duplex,
  dial: Dial,
  mayPass: () => boolean
): Promise<'ok' | 'failed'> {
  stream.on('error', () => {}) // `pipeline` ends both
  try {
    const socket = await dial()
    if (!stream.destroyed) stream.write(CONNECTED)
    pipeline(stream, passedWhile(mayPass), socket, () => {})
    pipeline(socket, stream, () => {})
    return 'ok'
  } catch {
    stream.destroy()
    return 'failed'
  }
}

const passedWhile = (mayPass: () => boolean): Transform =>
  new Transform({
    transform(piece: Buffer, _encoding, done) {
      if (mayPass()) done(null, piece)
      else done(new Error('The lease is over.'))
    }
  })

async function opened(socket: Socket): Promise<Socket> {
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_MS) })
    return socket
  } catch (error) {
    socket.on('error', () => {}).destroy()
    throw error
  }
}

async function tunnel(proxy: URL, target: string): Promise<Duplex> {
  const { protocol, hostname, port, username, password } = proxy
  const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`)
  const asked = (protocol === 'https:' ? askOverTls : ask)({
    method: 'CONNECT',
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(port) || (PORTS[protocol] ?? 80),
    path: target,
    agent: false,
    headers: {
      host: target,
      ...(username !== '' && { 'proxy-authorization': `Basic ${credentials.toString('base64')}` })
    }
  })
  asked.end()
  try {
    const signal = AbortSignal.timeout(CONNECT_MS)
    const [answer, socket, ahead]: [{ statusCode?: number }, Duplex, Buffer] = (await once(
      asked,
      'connect',
      { signal }
    )) as never
    if (answer.statusCode !== 200) {
      socket.destroy()
      throw new Error(`The proxy answered ${answer.statusCode}.`)
    }
    if (ahead.length > 0) socket.unshift(ahead)
    return socket
  } catch (error) {
    asked.on('error', () => {}).destroy()
    throw error
  }
}
