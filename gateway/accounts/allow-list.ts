import type { GoogleProfile } from './google-oidc.ts'

export interface AllowList {
  readonly emails: readonly string[]
  /** Workspace domains, compared with Google's `hd` and never with the address. */
  readonly domains: readonly string[]
}

/** Whom the operator lets in now; other lists after a reload. Asked at each sign-in, refresh and use of a token. */
export class AllowedPeople {
  #list: AllowList

  constructor(list: AllowList) {
    this.#list = list
  }

  replace(list: AllowList): void {
    this.#list = list
  }

  /** Somebody who comes from Google. */
  allows(profile: GoogleProfile): boolean {
    return isAllowed(this.#list, profile)
  }

  /** Somebody who was let in before: Google verified the address then. */
  allowsAccount({
    email,
    hd
  }: {
    readonly email: string
    readonly hd: string | null | undefined
  }): boolean {
    return isAllowed(this.#list, { email, hd: hd ?? undefined, emailVerified: true })
  }

  /** How many each list names; for the log. Two zeros let everybody in. */
  count(): { readonly emails: number; readonly domains: number } {
    return { emails: this.#list.emails.length, domains: this.#list.domains.length }
  }
}

/**
 * Who may use this gateway. Two empty lists allow everybody whom the Google project lets in; otherwise
 * one of the lists must name the person. Only an address that Google verified counts.
 */
export function isAllowed(
  { emails, domains }: AllowList,
  profile: Omit<GoogleProfile, 'userId'>
): boolean {
  if (!profile.emailVerified) return false
  if (emails.length === 0 && domains.length === 0) return true
  const names = (list: readonly string[], value: string | undefined) =>
    value !== undefined && list.some((entry) => entry.toLowerCase() === value.toLowerCase())
  return names(emails, profile.email) || names(domains, profile.hd)
}
