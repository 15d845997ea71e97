import { isLoopback } from '../config/parsers.ts'

/**
 * Where a client's redirect leads, in a person's words. Only of an address of the web does the host mean anything: in an
 * app's own scheme anybody may write any name there.
 */
export function redirectTarget(redirectUri: string): string {
  const url = URL.parse(redirectUri)
  if (!url) return 'an address that cannot be read'
  if (!/^https?:$/.test(url.protocol))
    return `whatever app opens ${url.protocol} links on this device`
  return isLoopback(url.hostname) ? `a program on this computer (${url.host})` : url.host
}

/** Whether a redirect leads to a site of the web, which proves by its certificate whose it is. */
export function isWebSite(redirectUri: string): boolean {
  const url = URL.parse(redirectUri)
  return url?.protocol === 'https:' && !isLoopback(url.hostname)
}
