/** Whether a request was led to another gateway, and otherwise what its client is to be told. */
export type LedAway = { readonly isLed: true } | { readonly isLed: false; readonly error: unknown }

/**
 * Leads a request away that failed here by `why`. What keeps it from that, such as a database that is away, is told in the
 * place of `why`. Never rejects: what a handler of errors throws is for the next one outside, and the one outside of
 * `/mcp` knows no JSON-RPC, whose errors have a number (JSON-RPC 2.0, §5.1).
 */
export async function ledAway(lead: () => Promise<boolean>, why: unknown): Promise<LedAway> {
  try {
    return (await lead()) ? { isLed: true } : { isLed: false, error: why }
  } catch (error) {
    return { isLed: false, error }
  }
}
