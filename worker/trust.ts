import { rootCertificates, setDefaultCACertificates } from 'node:tls'

/** From here on TLS connections of this process trust these authorities (PEM) as well as Node's own. */
export const trustAlso = (certificates: readonly string[]): void =>
  setDefaultCACertificates([...rootCertificates, ...certificates])
