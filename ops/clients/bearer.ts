import type { Target } from './client.ts'

/** The header that carries a token, where there is one. */
export const bearer = ({ token }: Target): Record<string, string> =>
  token === undefined ? {} : { Authorization: `Bearer ${token}` }
