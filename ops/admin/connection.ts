import { readFileSync } from 'node:fs'
import { Failed } from './failed.ts'

/** A gateway's operators' port, and who asks. */
export interface Connection {
  /** Answers whatever the gateway answered. Throws Failed `unavailable` when nobody did. */
  ask(method: string, path: string, options?: AskOptions): Promise<Response>
}

interface AskOptions {
  readonly query?: Readonly<Record<string, string>>
  readonly reason?: string | undefined
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The address from ADMIN_URL, or that of this machine's OPS_PORT; the token from OPERATOR_TOKEN or ADMIN_TOKEN, or
 * the file that OPERATOR_TOKEN_FILE or ADMIN_TOKEN_FILE names. Never from a command line, which every process of the
 * machine can read. Throws Failed `config`.
 */
export function openConnection(environment: Environment): Connection {
  const base = addressIn(environment)
  const token = tokenIn(environment)
  return {
    async ask(method, path, { query = {}, reason } = {}) {
      const url = new URL(path, base)
      for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
      const headers = {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(reason !== undefined && { 'x-reason': asBytes(reason) })
      }
      try {
        return await fetch(url, { method, headers, redirect: 'error' })
      } catch (error) {
        throw new Failed('unavailable', `Nobody answers at ${base.origin} (${reasonOf(error)}).`)
      }
    }
  }
}

function addressIn({ ADMIN_URL, OPS_PORT }: Environment): URL {
  const text = ADMIN_URL || `http://127.0.0.1:${OPS_PORT || '9464'}`
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol) || url.pathname !== '/' || url.username !== '')
    throw new Failed(
      'config',
      'ADMIN_URL must be the operators’ address, such as http://127.0.0.1:9464.'
    )
  return url
}

function tokenIn(environment: Environment): string | undefined {
  for (const name of ['OPERATOR_TOKEN', 'ADMIN_TOKEN']) {
    const token = environment[name]
    if (token) return fit(token, name)
    const path = environment[`${name}_FILE`]
    if (path) return fit(read(path, `${name}_FILE`), `${name}_FILE`)
  }
  return undefined
}

function read(path: string, name: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    throw new Failed('config', `${name} names a file that cannot be read (${reasonOf(error)}).`)
  }
}

/** Without the token itself in what is said. */
function fit(token: string, name: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token
  throw new Failed('config', `${name} is not one word of letters, digits and signs.`)
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (!(cause instanceof Error)) return String(cause)
  return 'code' in cause ? String(cause.code) : cause.message
}

/** A header is bytes, and the gateway reads these as UTF-8. */
const asBytes = (text: string): string =>
  Buffer.from(text.replaceAll(/\s+/g, ' ').trim(), 'utf8').toString('latin1')
