/** The part of a trace that a request belongs to (W3C Trace Context, §3.2.2). */
export interface TraceContext {
  /** 32 hex digits, not all zero. */
  readonly traceId: string
  /** The caller's span: 16 hex digits, not all zero. */
  readonly parentId: string
  /** The caller may have recorded its own part (§3.2.2.5.1). */
  readonly isSampled: boolean
}

/** §3.2.2: version, trace-id, parent-id, flags; lower case alone. A later version may go on after a dash (§4.3). */
const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const LONGEST = 512

/**
 * Reads a `traceparent` header. Undefined for what the specification calls invalid: then the request begins a
 * trace of its own. Several headers come joined by a comma, and are invalid too (§3.2.1).
 */
export function parseTraceparent(
  given: string | readonly string[] | undefined
): TraceContext | undefined {
  if (typeof given !== 'string' || given.length > LONGEST) return undefined
  const [, version, traceId = '', parentId = '', flags = '', more] = FORM.exec(given) ?? []
  if (version === undefined || version === 'ff') return undefined
  if (version === '00' && more !== undefined) return undefined
  if (/^0+$/.test(traceId) || /^0+$/.test(parentId)) return undefined
  return { traceId, parentId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 }
}
