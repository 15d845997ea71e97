const SECRETS = ['ADMIN_TOKEN', 'METRICS_TOKEN', 'GOOGLE_CLIENT_SECRET', 'PEER_KEY']

/** Settings as operators may see them: what is secret in them is not shown, only that it is set. */
export const redactedConfig = (config: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(config).map(([name, value]) => {
      if (SECRETS.includes(name) && value !== undefined) return [name, '(set)']
      return [name, typeof value === 'string' ? withoutCredentials(value) : value]
    })
  )

/**
 * An address keeps its place and loses its user, its password, and parameters that are named for one. Not by `URL`, which
 * knows no addresses with several hosts, as PostgreSQL has them.
 */
const withoutCredentials = (text: string): string =>
  /^[a-z][a-z0-9+.-]*:\/\//i.test(text)
    ? text
        .replace(/^([^:]*:\/\/)[^/?#]*@/, '$1***@')
        .replace(/([?&][^=&]*(?:pass|secret|token|key)[^=&]*=)[^&]*/gi, '$1***')
    : text
