import { getCACertificates, rootCertificates } from 'node:tls'
import { MOST_CERTIFICATE, MOST_CERTIFICATES } from '#shared/channel.ts'
import { GatewayError } from '#shared/errors.ts'

/**
 * The authorities (PEM) that this process trusts beyond Node's own: those of the file that `NODE_EXTRA_CA_CERTS` names.
 * A worker cannot read that file. Throws ERR_CONFIG when there are more than a worker can be told.
 */
export function addedCertificates(most = MOST_CERTIFICATES): string[] {
  const known = new Set(rootCertificates.map(bare))
  const added = getCACertificates('extra').filter((each) => !known.has(bare(each)))
  if (added.length > most || added.some((each) => each.length > MOST_CERTIFICATE))
    throw new GatewayError(
      'ERR_CONFIG',
      `NODE_EXTRA_CA_CERTS names ${added.length} certificates beyond Node's own; there may be ${most}, of ${MOST_CERTIFICATE} characters each. Name a file that holds only those of your network.`
    )
  return added
}

/** Files differ in line ends and comments. */
const bare = (pem: string): string => pem.replace(/-----[A-Z ]+-----|\s+/g, '')
