import { type LookupAddress, type LookupAllOptions, lookup } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { Agent, EnvHttpProxyAgent, fetch as undiciFetch } from 'undici'

/**
 * `fetch` for addresses that a stranger gave us (client metadata documents, mailing lists): https on port 443, a name
 * and no IP address, only to addresses of the public internet, no redirects. The check stands between
 * the look-up and the connection, so a name that resolves inwards gets no packet (SSRF).
 */
export interface SsrfSafeFetch {
  readonly fetch: typeof globalThis.fetch
  /** May be called more than once. */
  close(): Promise<void>
}

const CONNECT_MS = 2500

/** `node:dns`'s look-up of every address of a name. */
type LookUp = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => void
) => void

export interface WayOut {
  /** The URL of an HTTP proxy. It looks names up by itself, so what a name leads to is then for it to guard. */
  readonly proxy?: string | undefined
  /** Hosts that are reached without it, as in NO_PROXY. */
  readonly direct?: readonly string[]
}

export interface Reach {
  /** How long an answer may take; as long as a connection, if absent. */
  readonly answerMs?: number
  readonly lookUp?: LookUp
}

export function createSsrfSafeFetch(
  { proxy, direct = [] }: WayOut = {},
  { answerMs = CONNECT_MS, lookUp = lookup }: Reach = {}
): SsrfSafeFetch {
  const options = {
    connect: { lookup: publicOnly(lookUp), timeout: CONNECT_MS },
    headersTimeout: answerMs,
    bodyTimeout: answerMs
  }
  const agent =
    proxy === undefined
      ? new Agent(options)
      : new EnvHttpProxyAgent({
          ...options,
          httpProxy: proxy,
          httpsProxy: proxy,
          noProxy: direct.join(',')
        })
  let closed: Promise<void> | undefined
  const guarded = async (input: unknown, options: unknown) => {
    const url = new URL(String(input))
    if (!isPublicAddress(url)) throw new TypeError('this address may not be fetched')
    const init = typeof options === 'object' && options !== null ? options : {}
    return undiciFetch(url, { ...init, redirect: 'manual', dispatcher: agent })
  }
  return {
    // This undici and Node's own are the same at work; their types differ in FormData, which is not used here.
    fetch: guarded as unknown as typeof globalThis.fetch,
    async close() {
      closed ??= agent.destroy()
      await closed
    }
  }
}

/** Whether an address may be fetched, as far as its text tells. */
export function isPublicAddress(url: URL): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const isName = isIP(host) === 0 && host.includes('.') && !host.endsWith('.localhost')
  return url.protocol === 'https:' && url.port === '' && url.username === '' && isName
}

const publicOnly =
  (lookUp: LookUp): LookupFunction =>
  (hostname, options, callback) => {
    lookUp(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, [])
      const inward = found.find(({ address, family }) => isSpecialAddress(address, family))
      if (found.length === 0 || inward) {
        return callback(new Error('the name does not lead to the public internet'), [])
      }
      const [first] = found
      if (options.all) return callback(null, found)
      return callback(null, first?.address ?? '', first?.family)
    })
  }

/** Whether an IP address is for special use (RFC 6890 and IANA's registries) and not the internet. */
export function isSpecialAddress(address: string, family: number): boolean {
  return family === 6 ? SPECIAL_6.check(address, 'ipv6') : SPECIAL_4.check(address, 'ipv4')
}

// Two lists: in one, the mapped range of IPv6 would match every IPv4 address.
const SPECIAL_4 = new BlockList()
const SPECIAL_6 = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3]
] as const) {
  SPECIAL_4.addSubnet(network, prefix, 'ipv4')
}
for (const [network, prefix] of [
  ['::', 96],
  ['::ffff:0:0', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
  ['5f00::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8]
] as const) {
  SPECIAL_6.addSubnet(network, prefix, 'ipv6')
}
