import { getCACertificates, rootCertificates } from 'node:tls'
import { GatewayError } from '#shared/errors.ts'
import { MOST_CERTIFICATE_CHARS } from '#shared/worker-protocol.ts'

/**
 * The authorities (PEM) that this process trusts beyond Node's own: those of the file that `NODE_EXTRA_CA_CERTS` names,
 * often all of a system's. A worker cannot read that file. Throws ERR_CONFIG when they are more than a worker can be told.
 */
export function extraCaCertificates(mostChars = MOST_CERTIFICATE_CHARS): string[] {
  const known = new Set(rootCertificates.map(bare))
  const added = getCACertificates('extra').filter((each) => !known.has(bare(each)))
  const chars = added.reduce((sum, each) => sum + each.length, 0)
  if (chars > mostChars)
    throw new GatewayError(
      'ERR_CONFIG',
      `NODE_EXTRA_CA_CERTS names ${added.length} certificates beyond Node's own, ${chars} characters; workers can be told ${mostChars}. Name a file that holds those of your network only.`
    )
  return added
}

/** Files differ in line ends and comments. */
const bare = (pem: string): string => pem.replace(/-----[A-Z ]+-----|\s+/g, '')
