import type { GoogleProfile } from './google.ts'

export interface AllowList {
  readonly emails: readonly string[]
  /** Workspace domains, compared with Google's `hd` and never with the address. */
  readonly domains: readonly string[]
}

/**
 * Who may use this gateway. Two empty lists allow everybody whom the Google project lets in; otherwise
 * one of the lists must name the person. Only an address that Google verified counts.
 */
export function isAllowed({ emails, domains }: AllowList, profile: GoogleProfile): boolean {
  if (!profile.emailVerified) return false
  if (emails.length === 0 && domains.length === 0) return true
  const names = (list: readonly string[], value: string | undefined) =>
    value !== undefined && list.some((entry) => entry.toLowerCase() === value.toLowerCase())
  return names(emails, profile.email) || names(domains, profile.hd)
}
