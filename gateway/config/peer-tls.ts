import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { createSecureContext } from 'node:tls'
import { GatewayError } from '#shared/errors.ts'

/** What a gateway shows to others, and knows them by: PEM. */
export interface PeerKeys {
  /** Its certificate, and those between it and the authority. */
  readonly cert: string
  readonly key: string
  /** The authority that signs the certificates of gateways, and of nobody else. */
  readonly ca: string
}

/** The settings that this is about, as they were given. */
export interface PeerSettings {
  readonly PEER_URL?: string | undefined
  readonly PEER_CERT?: string | undefined
  readonly PEER_KEY?: string | undefined
  readonly PEER_CA?: string | undefined
}

/**
 * The keys for talking to other gateways; undefined where there are none to talk to, or settings are missing, which is
 * told elsewhere. Throws ERR_CONFIG when they do not fit each other or PEER_URL.
 */
export function peerKeysOf(settings: PeerSettings): PeerKeys | undefined {
  const { PEER_URL: url, PEER_CERT: cert, PEER_KEY: key, PEER_CA: ca } = settings
  if (url === undefined || cert === undefined || key === undefined || ca === undefined)
    return undefined
  try {
    createSecureContext({ cert, key, ca })
  } catch (cause) {
    throw wrong(
      'PEER_CERT, PEER_KEY and PEER_CA are no certificate, its key and an authority.',
      cause
    )
  }
  const certificate = new X509Certificate(cert)
  if (Date.parse(certificate.validTo) < Date.now())
    throw wrong(`PEER_CERT was good until ${certificate.validTo}.`)
  const name = URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, '') : ''
  const isNamed = isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)
  if (isNamed === undefined)
    throw wrong(`PEER_CERT is not for ${name}, by which PEER_URL has others reach this gateway.`)
  return { cert, key, ca }
}

const wrong = (sentence: string, cause?: unknown): GatewayError =>
  new GatewayError('ERR_CONFIG', sentence, { cause })
