import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface Certificates {
  /** The authority's, PEM. */
  readonly authority: string
  /** For a name or an address. */
  issue(name: string): Promise<{ readonly cert: string; readonly key: string }>
}

const run = promisify(execFile)
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

/**
 * An authority of this run's own, and certificates for addresses. They are a day old at once, since a host whose clock is
 * behind takes none that is not valid yet.
 */
export async function createCertificates(directory: string): Promise<Certificates> {
  const file = (name: string) => join(directory, name)
  const openssl = (...args: string[]) => run('faketime', ['-f', '-1d', 'openssl', 'req', ...args])
  const [caKey, ca] = [file('ca.key'), file('ca.crt')]
  const asCa = ['-subj', '/CN=gateways', '-keyout', caKey, '-out', ca]
  await openssl('-x509', '-days', '30', ...NEW_KEY, ...asCa)
  return {
    authority: await readFile(ca, 'utf8'),
    async issue(name) {
      const [key, cert] = [file(`${name}.key`), file(`${name}.crt`)]
      const names = ['-addext', `subjectAltName=${isIP(name) === 0 ? 'DNS' : 'IP'}:${name}`]
      const signed = ['-addext', 'basicConstraints=critical,CA:FALSE', '-CA', ca, '-CAkey', caKey]
      const out = ['-subj', `/CN=${name}`, '-keyout', key, '-out', cert]
      await openssl('-x509', '-days', '30', ...NEW_KEY, ...names, ...signed, ...out)
      return { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') }
    }
  }
}
