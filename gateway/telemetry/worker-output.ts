/** How much of what a worker says is worth a place in the log. */
const MOST_FIELDS = 8
const MOST_CHARACTERS = 200

/**
 * What a worker wants logged, cut to size. It stands below one field, so that it cannot be taken for what the gateway
 * says itself, and holds no control characters, so that it makes no lines of its own on a terminal.
 */
export function workerOutput(message: string, fields: Readonly<Record<string, unknown>> = {}) {
  const plain = Object.entries(fields)
    .filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value))
    .slice(0, MOST_FIELDS)
    .map(([name, value]) => [cut(name), typeof value === 'string' ? cut(value) : value])
  return { message: cut(message), ...(plain.length > 0 && { fields: Object.fromEntries(plain) }) }
}

const cut = (text: string): string =>
  text.slice(0, MOST_CHARACTERS).replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, ' ')
