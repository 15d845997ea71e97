import { createHash } from 'node:crypto'

/** One Google account of the sandbox. */
export interface SandboxUser {
  readonly email: string
  readonly name?: string
  /** Google's id of the account; made from the address when missing. */
  readonly sub?: string
  /** The Workspace domain. */
  readonly hd?: string
  /** True when missing. */
  readonly emailVerified?: boolean
  /** A word that stands in several of the account's seeded messages and nowhere else. */
  readonly canary?: string
  /** Starts without any mail. */
  readonly empty?: boolean
}

export type Account = SandboxUser & Required<Pick<SandboxUser, 'name' | 'sub' | 'emailVerified'>>

/** Somebody asked for an account that the sandbox does not have. */
export class UnknownUserError extends Error {
  override readonly name = 'UnknownUserError'
  readonly statusCode = 404

  constructor() {
    super('No user of the sandbox has this address.')
  }
}

/** Fills in what was left out. */
export function resolveUser(user: SandboxUser): Account {
  const email = user.email.toLowerCase()
  return {
    ...user,
    email,
    name: user.name ?? nameOf(email),
    sub: user.sub ?? subOf(email),
    emailVerified: user.emailVerified ?? true
  }
}

const FIRST = ['Maya', 'Jonas', 'Aiko', 'Elif', 'Tomas', 'Ines', 'Kofi', 'Noor', 'Pavel', 'Lucia']
const LAST = ['Lindqvist', 'Okafor', 'Tanaka', 'Moreau', 'Petrov', 'Silva', 'Haddad', 'Novak']

/** So many invented people, each with a canary of their own. The same number gives the same people. */
export function inventUsers(count: number): SandboxUser[] {
  return Array.from({ length: count }, (_, index) => {
    const first = FIRST[index % FIRST.length] ?? 'Maya'
    const last = LAST[(index + Math.floor(index / FIRST.length)) % LAST.length] ?? 'Lindqvist'
    const suffix = index < FIRST.length ? '' : `${index}`
    return {
      email: `${first}.${last}${suffix}@sandbox.example`.toLowerCase(),
      name: `${first} ${last}`,
      canary: `canary${subOf(`${first}${last}${index}`).slice(1, 9)}`
    }
  })
}

const nameOf = (email: string) =>
  (email.split('@', 1)[0] ?? '')
    .split(/[._]/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join(' ')

/** 21 decimal digits, the first one a 1, as Google's are. */
function subOf(email: string): string {
  const digest = createHash('sha256').update(email).digest('hex').slice(0, 24)
  return `1${(BigInt(`0x${digest}`) % 10n ** 20n).toString().padStart(20, '0')}`
}
