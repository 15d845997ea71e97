/** What one look has found, in a sentence that says what to do where something is to be done. */
export interface Finding {
  readonly name: string
  /** `skip`: it could not be looked at, which is no fault by itself. */
  readonly level: Level
  readonly said: string
}

type Level = 'ok' | 'warn' | 'fail' | 'skip'

const finding =
  (level: Level) =>
  (name: string, said: string): Finding => ({ name, level, said })

export const ok = finding('ok')
export const warn = finding('warn')
export const fail = finding('fail')
export const skip = finding('skip')

/** The sentence of an error of ours, or what the system calls it. */
export function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  if (error.message === '' && cause instanceof Error) return sentenceOf(cause)
  const code = 'code' in error ? String(error.code) : ''
  return WORDS[code] ?? WORDS[error.name] ?? error.message
}

/** Of the network and of TLS; everything else says itself. */
const WORDS: Readonly<Record<string, string>> = {
  ABORT_ERR: 'it does not answer in time',
  AbortError: 'it does not answer in time',
  TimeoutError: 'it does not answer in time',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet; is the clock right?',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself; see NODE_EXTRA_CA_CERTS',
  EAI_AGAIN: 'no name server answers',
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'it ends the connection',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no way to it',
  ENOTFOUND: 'no name server knows its name',
  EPROTO: 'it does not speak TLS',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  ETIMEDOUT: 'it does not answer in time',
  SELF_SIGNED_CERT_IN_CHAIN:
    'its certificate is signed by an authority that is not trusted here; see NODE_EXTRA_CA_CERTS',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    'its certificate is signed by an authority that is not trusted here; see NODE_EXTRA_CA_CERTS',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'it does not send the whole chain of its certificate, or its authority is not trusted here'
}
