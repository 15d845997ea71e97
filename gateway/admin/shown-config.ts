const SECRETS = ['ADMIN_TOKEN', 'METRICS_TOKEN', 'GOOGLE_CLIENT_SECRET']

/** Settings as operators may see them: what is secret in them is not shown, only that it is set. */
export const shownConfig = (config: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(config).map(([name, value]) => {
      if (SECRETS.includes(name) && value !== undefined) return [name, '(set)']
      return [name, typeof value === 'string' ? withoutCredentials(value) : value]
    })
  )

/** An address keeps its place and loses its user, its password, and parameters that are named for one. */
function withoutCredentials(text: string): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text) || !URL.canParse(text)) return text
  const url = new URL(text)
  const secret = [...url.searchParams.keys()].filter((name) => /pass|secret|token|key/i.test(name))
  if (url.username === '' && url.password === '' && secret.length === 0) return text
  if (url.username !== '') url.username = '***'
  if (url.password !== '') url.password = '***'
  for (const name of secret) url.searchParams.set(name, '***')
  return url.href
}
