import { createHash, timingSafeEqual } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import * as z from 'zod'
import { GatewayError } from '#shared/errors.ts'

/** What somebody may do at the ops port; each role may do what those before it may. */
export const ROLES = ['metrics', 'read', 'admin'] as const
export type Role = (typeof ROLES)[number]

/** Somebody, or a program, with a token for the ops port. */
export interface Operator {
  readonly name: string
  readonly role: Role
  /** As the audit names them. */
  readonly actor: 'admin' | `operator:${string}`
  /** SHA-256 of the token: it has enough random bits that a slow hash would add nothing. */
  readonly sha256: Buffer
}

/** The settings that say who operates. */
export interface OperatorSettings {
  readonly ADMIN_TOKEN?: string | undefined
  readonly METRICS_TOKEN?: string | undefined
  readonly OPERATORS_FILE?: string | undefined
}

export const OperatorsFile = z.strictObject({
  operators: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[a-z][a-z0-9._-]{0,31}$/, 'must be a short name in lower case'),
        role: z.enum(ROLES),
        /** In hexadecimal digits, as `sha256sum` prints it. */
        sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in 64 hexadecimal digits')
      })
    )
    .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, {
      error: 'must name each operator once'
    })
})

/** Everybody whom the settings name. Throws ERR_CONFIG with a sentence about the file. */
export function loadOperators(settings: OperatorSettings): Operator[] {
  const { ADMIN_TOKEN, METRICS_TOKEN, OPERATORS_FILE } = settings
  const named = OPERATORS_FILE === undefined ? [] : readFile(OPERATORS_FILE)
  const byToken = (token: string | undefined, role: Role): Operator[] => {
    if (token === undefined) return []
    const actor = role === 'admin' ? 'admin' : (`operator:${role}` as const)
    return [{ name: role, role, actor, sha256: digest(token) }]
  }
  return [...byToken(ADMIN_TOKEN, 'admin'), ...byToken(METRICS_TOKEN, 'metrics'), ...named]
}

function readFile(path: string): Operator[] {
  const parsed = OperatorsFile.safeParse(readJson(path))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw refusal(`${issue?.path.join('.') || 'the file'} ${issue?.message ?? 'is not right'}`)
  }
  return parsed.data.operators.map(({ name, role, sha256 }) => ({
    name,
    role,
    actor: `operator:${name}`,
    sha256: Buffer.from(sha256, 'hex')
  }))
}

function readJson(path: string): unknown {
  try {
    if ((statSync(path).mode & 0o022) !== 0)
      throw refusal('other users can change it; run chmod 0600 on it')
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause
    if (cause instanceof SyntaxError) throw refusal('it is not JSON; see docs/operate.md', cause)
    const code = cause instanceof Error && 'code' in cause ? cause.code : cause
    throw refusal(`it cannot be read (${String(code)})`, cause)
  }
}

const refusal = (reason: string, cause?: unknown): GatewayError =>
  new GatewayError('ERR_CONFIG', `OPERATORS_FILE: ${reason}.`, { cause })

/** Who operates now; another list after a reload. */
export class Operators {
  #all: readonly Operator[]

  constructor(all: readonly Operator[]) {
    this.#all = all
  }

  replace(all: readonly Operator[]): void {
    this.#all = all
  }

  /** Whose token this is. Takes the same time whatever is given. */
  byToken(token: string): Operator | undefined {
    const given = digest(token)
    return this.#all.filter(({ sha256 }) => timingSafeEqual(given, sha256))[0]
  }

  /** How many there are of each role; for the log. */
  count(): Readonly<Record<Role, number>> {
    const counts = { metrics: 0, read: 0, admin: 0 }
    for (const { role } of this.#all) counts[role] += 1
    return counts
  }
}

/** Whether one of this role may do what `needed` is needed for. */
export const isRole = (role: Role, needed: Role): boolean =>
  ROLES.indexOf(role) >= ROLES.indexOf(needed)

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
