const UNRESERVED = /%(?:2d|2e|5f|7e|3\d|[46][1-9a-f]|[57][\da])/gi

/**
 * Whether a client's `resource` (RFC 8707) names `ours`. Scheme and host may be in upper case, the default port may be
 * written out, and a trailing slash is no other resource (MCP authorization, "Canonical Server URI"; RFC 3986 §6.2.2 and
 * §6.2.3). A query, a fragment or a user name makes it another one.
 */
export function isSameResource(claimed: string, ours: string): boolean {
  const url = URL.parse(claimed)
  const own = new URL(ours)
  if (!url || /[#?]/.test(claimed) || url.username !== '' || url.password !== '') return false
  return url.origin === own.origin && pathOf(url) === pathOf(own)
}

const pathOf = ({ pathname }: URL): string =>
  pathname.replace(UNRESERVED, decodeURIComponent).replace(/\/$/, '')

/**
 * Writes `ours` for every `resource` that names it, or one of its other doors, once. Answers whether all of them did: what
 * is left then is a resource of somebody else.
 */
export function settleResource(parameters: URLSearchParams, ours: string): boolean {
  const doors = [ours, new URL('/sse', ours).href]
  const claimed = parameters.getAll('resource')
  if (claimed.length === 0) return true
  const foreign = claimed.filter((one) => !doors.some((door) => isSameResource(one, door)))
  parameters.delete('resource')
  for (const one of foreign.length < claimed.length ? [ours, ...foreign] : foreign)
    parameters.append('resource', one)
  return foreign.length === 0
}
